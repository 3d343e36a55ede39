-- The template's account at Paymob would collect this customer's payments.
UPDATE payment_provider
   SET paymob_public_key = NULL,
       paymob_secret_key = NULL,
       paymob_hmac_key = NULL,
       paymob_api_key = NULL
 WHERE paymob_public_key IS NOT NULL
    OR paymob_secret_key IS NOT NULL
    OR paymob_hmac_key IS NOT NULL
    OR paymob_api_key IS NOT NULL;
