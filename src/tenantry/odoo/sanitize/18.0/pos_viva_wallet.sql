-- The template's account at Viva Wallet would collect the payments of this customer's point of sale.
UPDATE pos_payment_method
   SET viva_wallet_merchant_id = NULL,
       viva_wallet_api_key = NULL,
       viva_wallet_client_id = NULL,
       viva_wallet_client_secret = NULL,
       viva_wallet_terminal_id = NULL,
       viva_wallet_webhook_verification_key = NULL,
       viva_wallet_bearer_token = 'Bearer Token'
 WHERE viva_wallet_merchant_id IS NOT NULL
    OR viva_wallet_api_key IS NOT NULL
    OR viva_wallet_client_id IS NOT NULL
    OR viva_wallet_client_secret IS NOT NULL
    OR viva_wallet_terminal_id IS NOT NULL
    OR viva_wallet_webhook_verification_key IS NOT NULL
    OR viva_wallet_bearer_token IS DISTINCT FROM 'Bearer Token';
