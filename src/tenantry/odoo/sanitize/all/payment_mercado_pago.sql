-- The template's account at Mercado Pago would collect this customer's payments.
UPDATE payment_provider
   SET mercado_pago_access_token = NULL
 WHERE mercado_pago_access_token IS NOT NULL;
