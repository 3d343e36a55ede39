-- Payments to this customer must not reach the template's accounts: every provider that moves money is disabled
-- until the customer enters their own account. Bank transfers and cash do not move money by themselves, and the
-- demonstration provider moves none.
UPDATE payment_provider
   SET state = 'disabled',
       is_published = false
 WHERE state <> 'disabled'
   AND code NOT IN ('none', 'custom', 'demo');

-- Visitors must not pay with the demonstration provider; users may still try it.
UPDATE payment_provider
   SET is_published = false
 WHERE is_published
   AND code = 'demo';

-- A saved card belongs to an account at the template's provider.
UPDATE payment_transaction
   SET token_id = NULL
 WHERE token_id IS NOT NULL;

DELETE FROM payment_token;
