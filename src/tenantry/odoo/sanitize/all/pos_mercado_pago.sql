-- The template's account at Mercado Pago would collect the payments of this customer's point of sale.
UPDATE pos_payment_method
   SET mp_bearer_token = NULL,
       mp_webhook_secret_key = NULL,
       mp_id_point_smart = NULL,
       mp_id_point_smart_complet = NULL
 WHERE mp_bearer_token IS NOT NULL
    OR mp_webhook_secret_key IS NOT NULL
    OR mp_id_point_smart IS NOT NULL
    OR mp_id_point_smart_complet IS NOT NULL;
