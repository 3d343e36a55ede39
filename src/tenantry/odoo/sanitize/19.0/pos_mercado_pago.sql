-- The template's account at Mercado Pago would collect what is paid at this customer's till.
UPDATE pos_payment_method
   SET mp_bearer_token = NULL,
       mp_webhook_secret_key = NULL,
       mp_id_point_smart = NULL,
       mp_id_point_smart_complet = NULL
 WHERE use_payment_terminal = 'mercado_pago';
