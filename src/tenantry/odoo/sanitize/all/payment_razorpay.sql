-- The template's account at Razorpay would collect this customer's payments.
UPDATE payment_provider
   SET razorpay_key_id = NULL,
       razorpay_key_secret = NULL,
       razorpay_webhook_secret = NULL
 WHERE razorpay_key_id IS NOT NULL
    OR razorpay_key_secret IS NOT NULL
    OR razorpay_webhook_secret IS NOT NULL;
