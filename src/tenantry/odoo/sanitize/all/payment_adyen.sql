-- The template's account at Adyen would collect this customer's payments.
UPDATE payment_provider
   SET adyen_merchant_account = NULL,
       adyen_api_key = NULL,
       adyen_client_key = NULL,
       adyen_hmac_key = NULL,
       adyen_api_url_prefix = NULL
 WHERE adyen_merchant_account IS NOT NULL
    OR adyen_api_key IS NOT NULL
    OR adyen_client_key IS NOT NULL
    OR adyen_hmac_key IS NOT NULL
    OR adyen_api_url_prefix IS NOT NULL;
