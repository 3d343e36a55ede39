-- The template's account at Adyen would collect the payments of this customer's point of sale.
UPDATE pos_payment_method
   SET adyen_merchant_account = NULL
 WHERE adyen_merchant_account IS NOT NULL;
