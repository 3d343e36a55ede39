-- The template's account at Pine Labs would collect the payments of this customer's point of sale.
UPDATE pos_payment_method
   SET pine_labs_merchant = NULL,
       pine_labs_store = NULL,
       pine_labs_client = NULL,
       pine_labs_security_token = NULL
 WHERE pine_labs_merchant IS NOT NULL
    OR pine_labs_store IS NOT NULL
    OR pine_labs_client IS NOT NULL
    OR pine_labs_security_token IS NOT NULL;
