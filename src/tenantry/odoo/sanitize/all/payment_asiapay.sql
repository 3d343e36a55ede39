-- The template's account at AsiaPay would collect this customer's payments.
UPDATE payment_provider
   SET asiapay_merchant_id = NULL,
       asiapay_secure_hash_secret = NULL
 WHERE asiapay_merchant_id IS NOT NULL
    OR asiapay_secure_hash_secret IS NOT NULL;
