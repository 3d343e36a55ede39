-- The template's account at Adyen would collect what is paid at this customer's till.
UPDATE pos_payment_method
   SET adyen_merchant_account = NULL
 WHERE adyen_merchant_account IS NOT NULL;
