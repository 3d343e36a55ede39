-- The template's account at Buckaroo would collect this customer's payments.
UPDATE payment_provider
   SET buckaroo_website_key = NULL,
       buckaroo_secret_key = NULL
 WHERE buckaroo_website_key IS NOT NULL
    OR buckaroo_secret_key IS NOT NULL;
