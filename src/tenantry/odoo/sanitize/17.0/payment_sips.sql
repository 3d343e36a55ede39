-- The template's account at Sips would collect this customer's payments.
UPDATE payment_provider
   SET sips_merchant_id = NULL,
       sips_secret = NULL
 WHERE code = 'sips';
