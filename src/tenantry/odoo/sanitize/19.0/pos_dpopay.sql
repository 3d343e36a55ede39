-- The template's account at DPO would collect what is paid at this customer's till.
UPDATE pos_payment_method
   SET dpopay_client_id = NULL,
       dpopay_client_secret = NULL,
       dpopay_mid = NULL,
       dpopay_tid = NULL,
       dpopay_chain_id = NULL,
       dpopay_bearer_token = 'Token'
 WHERE use_payment_terminal = 'dpopay';
