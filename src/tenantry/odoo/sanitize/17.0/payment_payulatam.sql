-- The template's account at PayU Latam would collect this customer's payments.
UPDATE payment_provider
   SET payulatam_merchant_id = NULL,
       payulatam_account_id = NULL,
       payulatam_api_key = NULL
 WHERE payulatam_merchant_id IS NOT NULL
    OR payulatam_account_id IS NOT NULL
    OR payulatam_api_key IS NOT NULL;
