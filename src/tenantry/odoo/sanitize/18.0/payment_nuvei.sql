-- The template's account at Nuvei would collect this customer's payments.
UPDATE payment_provider
   SET nuvei_merchant_identifier = NULL,
       nuvei_site_identifier = NULL,
       nuvei_secret_key = NULL
 WHERE code = 'nuvei';
