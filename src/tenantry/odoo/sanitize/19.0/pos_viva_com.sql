-- The template's account at Viva.com would collect the payments of this customer's point of sale.
UPDATE pos_payment_method
   SET viva_com_merchant_id = NULL,
       viva_com_api_key = NULL,
       viva_com_client_id = NULL,
       viva_com_client_secret = NULL,
       viva_com_terminal_id = NULL,
       viva_com_webhook_verification_key = NULL,
       viva_com_bearer_token = 'Bearer Token'
 WHERE viva_com_merchant_id IS NOT NULL
    OR viva_com_api_key IS NOT NULL
    OR viva_com_client_id IS NOT NULL
    OR viva_com_client_secret IS NOT NULL
    OR viva_com_terminal_id IS NOT NULL
    OR viva_com_webhook_verification_key IS NOT NULL
    OR viva_com_bearer_token IS DISTINCT FROM 'Bearer Token';
