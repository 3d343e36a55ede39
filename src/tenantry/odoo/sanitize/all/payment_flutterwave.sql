-- The template's account at Flutterwave would collect this customer's payments.
UPDATE payment_provider
   SET flutterwave_public_key = NULL,
       flutterwave_secret_key = NULL,
       flutterwave_webhook_secret = NULL
 WHERE flutterwave_public_key IS NOT NULL
    OR flutterwave_secret_key IS NOT NULL
    OR flutterwave_webhook_secret IS NOT NULL;
