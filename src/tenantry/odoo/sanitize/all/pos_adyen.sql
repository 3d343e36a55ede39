-- The template's account at Adyen would collect the payments of this customer's point of sale.
UPDATE pos_payment_method
   SET adyen_api_key = NULL,
       adyen_terminal_identifier = NULL
 WHERE adyen_api_key IS NOT NULL
    OR adyen_terminal_identifier IS NOT NULL;
