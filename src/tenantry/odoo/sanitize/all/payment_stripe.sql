-- The template's account at Stripe would collect this customer's payments.
UPDATE payment_provider
   SET stripe_publishable_key = NULL,
       stripe_secret_key = NULL,
       stripe_webhook_secret = NULL
 WHERE stripe_publishable_key IS NOT NULL
    OR stripe_secret_key IS NOT NULL
    OR stripe_webhook_secret IS NOT NULL;
