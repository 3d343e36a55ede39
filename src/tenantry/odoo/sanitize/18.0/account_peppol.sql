-- Without the template's registration, the company is not registered.
UPDATE res_company
   SET account_peppol_proxy_state = 'not_registered',
       account_peppol_contact_email = NULL,
       account_peppol_phone_number = NULL,
       account_peppol_migration_key = NULL
 WHERE account_peppol_proxy_state IS DISTINCT FROM 'not_registered'
    OR account_peppol_contact_email IS NOT NULL
    OR account_peppol_phone_number IS NOT NULL
    OR account_peppol_migration_key IS NOT NULL;

DELETE FROM ir_config_parameter
 WHERE key = 'saas_trial.confirm_token';
