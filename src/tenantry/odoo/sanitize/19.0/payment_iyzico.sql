-- The template's account at Iyzico would collect this customer's payments.
UPDATE payment_provider
   SET iyzico_key_id = NULL,
       iyzico_key_secret = NULL
 WHERE iyzico_key_id IS NOT NULL
    OR iyzico_key_secret IS NOT NULL;
