-- The template's cash machine is in another company's shop.
UPDATE pos_payment_method
   SET glory_websocket_address = NULL,
       glory_username = NULL,
       glory_password = NULL
 WHERE glory_websocket_address IS NOT NULL
    OR glory_username IS NOT NULL
    OR glory_password IS NOT NULL;
