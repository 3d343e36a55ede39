-- The template's account at DPO would collect this customer's payments.
UPDATE payment_provider
   SET dpo_company_token = NULL,
       dpo_service_ref = NULL
 WHERE dpo_company_token IS NOT NULL
    OR dpo_service_ref IS NOT NULL;
