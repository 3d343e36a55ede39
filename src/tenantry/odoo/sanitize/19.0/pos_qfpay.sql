-- The template's account at QFPay would collect the payments of this customer's point of sale.
UPDATE pos_payment_method
   SET qfpay_pos_key = NULL,
       qfpay_notification_key = NULL,
       qfpay_terminal_ip_address = NULL
 WHERE qfpay_pos_key IS NOT NULL
    OR qfpay_notification_key IS NOT NULL
    OR qfpay_terminal_ip_address IS NOT NULL;
