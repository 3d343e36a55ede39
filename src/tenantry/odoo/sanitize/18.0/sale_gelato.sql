-- Gelato would print and charge on the template's account.
UPDATE res_company
   SET gelato_api_key = NULL,
       gelato_webhook_secret = NULL
 WHERE gelato_api_key IS NOT NULL
    OR gelato_webhook_secret IS NOT NULL;
