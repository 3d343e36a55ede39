-- The template's account at Sips would collect this customer's payments.
UPDATE payment_provider
   SET sips_merchant_id = NULL,
       sips_secret = NULL
 WHERE sips_merchant_id IS NOT NULL
    OR sips_secret IS NOT NULL;
