-- The template's account at Redsys would collect this customer's payments.
UPDATE payment_provider
   SET redsys_merchant_code = NULL,
       redsys_merchant_terminal = NULL,
       redsys_secret_key = NULL
 WHERE redsys_merchant_code IS NOT NULL
    OR redsys_merchant_terminal IS NOT NULL
    OR redsys_secret_key IS NOT NULL;
