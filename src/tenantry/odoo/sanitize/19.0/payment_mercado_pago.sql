-- The template's account at Mercado Pago would collect this customer's payments.
UPDATE payment_provider
   SET mercado_pago_access_token = NULL,
       mercado_pago_access_token_expiry = NULL,
       mercado_pago_refresh_token = NULL,
       mercado_pago_public_key = NULL
 WHERE mercado_pago_access_token IS NOT NULL
    OR mercado_pago_access_token_expiry IS NOT NULL
    OR mercado_pago_refresh_token IS NOT NULL
    OR mercado_pago_public_key IS NOT NULL;
