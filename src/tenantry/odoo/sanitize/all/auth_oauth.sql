-- Accounts of OAuth providers that can log in to the template must not log in to its clones, and the template is
-- registered at the providers with its own address. Odoo.com identifies a database by its uuid, so that
-- registration gets the new uuid.
UPDATE res_users
   SET oauth_provider_id = NULL,
       oauth_uid = NULL,
       oauth_access_token = NULL
 WHERE oauth_provider_id IS NOT NULL
    OR oauth_uid IS NOT NULL
    OR oauth_access_token IS NOT NULL;

UPDATE auth_oauth_provider
   SET client_id = NULL,
       enabled = false
 WHERE client_id IS NOT NULL
   AND id NOT IN (SELECT res_id FROM ir_model_data WHERE module = 'auth_oauth' AND name = 'provider_openerp');

UPDATE auth_oauth_provider
   SET client_id = (SELECT value FROM ir_config_parameter WHERE key = 'database.uuid')
 WHERE id IN (SELECT res_id FROM ir_model_data WHERE module = 'auth_oauth' AND name = 'provider_openerp');
