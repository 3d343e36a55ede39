-- The template's account at Worldline would collect this customer's payments.
UPDATE payment_provider
   SET worldline_pspid = NULL,
       worldline_api_key = NULL,
       worldline_api_secret = NULL,
       worldline_webhook_key = NULL,
       worldline_webhook_secret = NULL
 WHERE worldline_pspid IS NOT NULL
    OR worldline_api_key IS NOT NULL
    OR worldline_api_secret IS NOT NULL
    OR worldline_webhook_key IS NOT NULL
    OR worldline_webhook_secret IS NOT NULL;
