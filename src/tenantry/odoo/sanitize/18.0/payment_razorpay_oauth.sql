-- The template's account at Razorpay would collect this customer's payments.
UPDATE payment_provider
   SET razorpay_account_id = NULL,
       razorpay_public_token = NULL,
       razorpay_refresh_token = NULL,
       razorpay_access_token = NULL,
       razorpay_access_token_expiry = NULL
 WHERE razorpay_account_id IS NOT NULL
    OR razorpay_public_token IS NOT NULL
    OR razorpay_refresh_token IS NOT NULL
    OR razorpay_access_token IS NOT NULL
    OR razorpay_access_token_expiry IS NOT NULL;
