-- The template's cash machine stands in somebody else's shop.
UPDATE pos_payment_method
   SET glory_websocket_address = NULL,
       glory_username = NULL,
       glory_password = NULL
 WHERE use_payment_terminal = 'glory_cash';
