-- The template's account at Paytm would collect the payments of this customer's point of sale.
UPDATE pos_payment_method
   SET paytm_mid = NULL,
       paytm_merchant_key = NULL,
       paytm_tid = NULL
 WHERE paytm_mid IS NOT NULL
    OR paytm_merchant_key IS NOT NULL
    OR paytm_tid IS NOT NULL;
