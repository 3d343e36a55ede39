-- The template's account at PayPal would collect this customer's payments.
UPDATE payment_provider
   SET paypal_email_account = NULL,
       paypal_client_id = NULL,
       paypal_client_secret = NULL,
       paypal_access_token = NULL,
       paypal_access_token_expiry = NULL,
       paypal_webhook_id = NULL
 WHERE paypal_email_account IS NOT NULL
    OR paypal_client_id IS NOT NULL
    OR paypal_client_secret IS NOT NULL
    OR paypal_access_token IS NOT NULL
    OR paypal_access_token_expiry IS NOT NULL
    OR paypal_webhook_id IS NOT NULL;
