-- The template's account at Razorpay would collect this customer's payments.
UPDATE payment_provider
   SET razorpay_key_id = NULL,
       razorpay_key_secret = NULL,
       razorpay_webhook_secret = NULL
 WHERE code = 'razorpay';
