-- The template's account at PayUmoney would collect this customer's payments.
UPDATE payment_provider
   SET payumoney_merchant_key = NULL,
       payumoney_merchant_salt = NULL
 WHERE payumoney_merchant_key IS NOT NULL
    OR payumoney_merchant_salt IS NOT NULL;
