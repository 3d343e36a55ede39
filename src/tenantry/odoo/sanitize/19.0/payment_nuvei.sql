-- The template's account at Nuvei would collect this customer's payments.
UPDATE payment_provider
   SET nuvei_merchant_identifier = NULL,
       nuvei_site_identifier = NULL,
       nuvei_secret_key = NULL
 WHERE nuvei_merchant_identifier IS NOT NULL
    OR nuvei_site_identifier IS NOT NULL
    OR nuvei_secret_key IS NOT NULL;
