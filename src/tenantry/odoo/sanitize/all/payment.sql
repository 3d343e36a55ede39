-- Money of this customer's customers must not reach the template's accounts: every provider that moves money
-- is off until the customer enters his own account. Transfers and cash move none by themselves, the
-- demonstration none at all.
UPDATE payment_provider
   SET state = 'disabled',
       is_published = false
 WHERE state <> 'disabled'
   AND code NOT IN ('none', 'custom', 'demo');

-- Visitors must not pay with the demonstration's money; users may still try it.
UPDATE payment_provider
   SET is_published = false
 WHERE is_published
   AND code = 'demo';

-- A saved card belongs to an account at the template's provider.
UPDATE payment_transaction
   SET token_id = NULL
 WHERE token_id IS NOT NULL;

DELETE FROM payment_token;
