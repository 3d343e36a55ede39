-- The template's account at Mollie would collect this customer's payments.
UPDATE payment_provider
   SET mollie_api_key = NULL
 WHERE code = 'mollie';
