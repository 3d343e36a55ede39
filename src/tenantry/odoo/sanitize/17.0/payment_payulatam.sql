-- The template's account at PayU Latam would collect this customer's payments.
UPDATE payment_provider
   SET payulatam_merchant_id = NULL,
       payulatam_account_id = NULL,
       payulatam_api_key = NULL
 WHERE code = 'payulatam';
