-- The template's account at Xendit would collect this customer's payments.
UPDATE payment_provider
   SET xendit_public_key = NULL,
       xendit_secret_key = NULL,
       xendit_webhook_token = NULL
 WHERE xendit_public_key IS NOT NULL
    OR xendit_secret_key IS NOT NULL
    OR xendit_webhook_token IS NOT NULL;
