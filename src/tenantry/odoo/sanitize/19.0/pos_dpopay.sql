-- The template's account at DPO would collect the payments of this customer's point of sale.
UPDATE pos_payment_method
   SET dpopay_client_id = NULL,
       dpopay_client_secret = NULL,
       dpopay_mid = NULL,
       dpopay_tid = NULL,
       dpopay_chain_id = NULL,
       dpopay_bearer_token = 'Token'
 WHERE dpopay_client_id IS NOT NULL
    OR dpopay_client_secret IS NOT NULL
    OR dpopay_mid IS NOT NULL
    OR dpopay_tid IS NOT NULL
    OR dpopay_chain_id IS NOT NULL
    OR dpopay_bearer_token IS DISTINCT FROM 'Token';
