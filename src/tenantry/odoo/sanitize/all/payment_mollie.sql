-- The template's account at Mollie would collect this customer's payments.
UPDATE payment_provider
   SET mollie_api_key = NULL
 WHERE mollie_api_key IS NOT NULL;
