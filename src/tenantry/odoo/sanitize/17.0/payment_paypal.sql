-- The template's account at PayPal would collect this customer's payments.
UPDATE payment_provider
   SET paypal_email_account = NULL,
       paypal_pdt_token = NULL
 WHERE paypal_email_account IS NOT NULL
    OR paypal_pdt_token IS NOT NULL;
