-- The template's account at Adyen would collect what is paid at this customer's till.
UPDATE pos_payment_method
   SET adyen_api_key = NULL,
       adyen_terminal_identifier = NULL
 WHERE adyen_api_key IS NOT NULL
    OR adyen_terminal_identifier IS NOT NULL;
