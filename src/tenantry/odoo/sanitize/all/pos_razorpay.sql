-- The template's account at Razorpay would collect the payments of this customer's point of sale.
UPDATE pos_payment_method
   SET razorpay_username = NULL,
       razorpay_api_key = NULL,
       razorpay_tid = NULL
 WHERE razorpay_username IS NOT NULL
    OR razorpay_api_key IS NOT NULL
    OR razorpay_tid IS NOT NULL;
