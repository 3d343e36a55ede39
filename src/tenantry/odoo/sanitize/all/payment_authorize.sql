-- The template's account at Authorize.net would collect this customer's payments.
UPDATE payment_provider
   SET authorize_login = NULL,
       authorize_transaction_key = NULL,
       authorize_signature_key = NULL,
       authorize_client_key = NULL
 WHERE authorize_login IS NOT NULL
    OR authorize_transaction_key IS NOT NULL
    OR authorize_signature_key IS NOT NULL
    OR authorize_client_key IS NOT NULL;
