-- Moves the records of `saas_manager_portal`, `saas_manager_captcha` and the API's part of the signup to
-- `saas_manager_signup`, before Odoo looks for the old modules. A second run, or a run in a newer master, does nothing.

-- Odoo lists the new module as not installed, if its list of apps was updated since the code is there.
DELETE FROM ir_module_module
 WHERE name = 'saas_manager_signup' AND state NOT IN ('installed', 'to upgrade', 'to remove')
   AND EXISTS (SELECT FROM ir_module_module old
                WHERE old.name = 'saas_manager_portal' AND old.state IN ('installed', 'to upgrade', 'to remove'));
UPDATE ir_module_module SET name = 'saas_manager_signup'
 WHERE name = 'saas_manager_portal' AND state IN ('installed', 'to upgrade', 'to remove');

UPDATE ir_model_constraint it SET module = signup.id
  FROM ir_module_module signup, ir_module_module old
 WHERE signup.name = 'saas_manager_signup' AND old.name = 'saas_manager_captcha' AND it.module = old.id;
UPDATE ir_model_relation it SET module = signup.id
  FROM ir_module_module signup, ir_module_module old
 WHERE signup.name = 'saas_manager_signup' AND old.name = 'saas_manager_captcha' AND it.module = old.id;
DELETE FROM ir_module_module WHERE name IN ('saas_manager_portal', 'saas_manager_captcha');

-- Other addons that depend on the old modules.
UPDATE ir_module_module_dependency SET name = 'saas_manager_signup'
 WHERE name IN ('saas_manager_portal', 'saas_manager_captcha');
DELETE FROM ir_module_module_dependency it USING ir_module_module_dependency same
 WHERE it.name = 'saas_manager_signup' AND same.name = it.name AND same.module_id = it.module_id AND same.id < it.id;

-- The names of their records. A name that both have belongs to a model that both extend.
DELETE FROM ir_model_data it
 WHERE module = 'base' AND model = 'ir.module.module' AND name LIKE 'module\_saas\_manager\_%'
   AND NOT EXISTS (SELECT FROM ir_module_module module WHERE module.id = it.res_id);
UPDATE ir_model_data SET name = 'module_saas_manager_signup'
 WHERE module = 'base' AND name = 'module_saas_manager_portal';
UPDATE ir_model_data SET module = 'saas_manager_signup' WHERE module = 'saas_manager_portal';
UPDATE ir_model_data SET module = 'saas_manager_signup'
 WHERE module = 'saas_manager_api'
   AND name IN ('confirmation_page', 'field_saas_instance_request__link_sent_at');
UPDATE ir_model_data SET name = 'altcha' WHERE module = 'saas_manager_captcha' AND name = 'captcha';
UPDATE ir_model_data SET name = 'res_config_settings_view_form_captcha'
 WHERE module = 'saas_manager_captcha' AND name = 'res_config_settings_view_form';
DELETE FROM ir_model_data it
 WHERE module = 'saas_manager_captcha'
   AND EXISTS (SELECT FROM ir_model_data same WHERE same.module = 'saas_manager_signup' AND same.name = it.name);
UPDATE ir_model_data SET module = 'saas_manager_signup' WHERE module = 'saas_manager_captcha';

-- Pages have these names as keys, also pages that an operator changed or added.
UPDATE ir_ui_view SET key = replace(key, 'saas_manager_portal.', 'saas_manager_signup.')
 WHERE key LIKE 'saas\_manager\_portal.%';
UPDATE ir_ui_view SET key = 'saas_manager_signup.altcha' WHERE key = 'saas_manager_captcha.captcha';
UPDATE ir_ui_view SET key = 'saas_manager_signup.confirmation_page'
 WHERE key = 'saas_manager_api.confirmation_page';
UPDATE ir_ui_view
   SET arch_db = regexp_replace(
           regexp_replace(arch_db::text, 'saas_manager_captcha\.captcha\M', 'saas_manager_signup.altcha', 'g'),
           'saas_manager_api\.confirmation_page\M', 'saas_manager_signup.confirmation_page', 'g')::jsonb
 WHERE arch_db::text ~ 'saas_manager_(captcha\.captcha|api\.confirmation_page)\M';
UPDATE ir_ui_view
   SET arch_db = regexp_replace(arch_db::text, 'saas_manager_(portal|captcha)\M', 'saas_manager_signup', 'g')::jsonb
 WHERE arch_db::text ~ 'saas_manager_(portal|captcha)\M';

-- The files they came from, by which a changed page is put back.
UPDATE ir_ui_view SET arch_fs = 'saas_manager_signup/views/captcha_settings_views.xml'
 WHERE arch_fs = 'saas_manager_captcha/views/res_config_settings_views.xml';
UPDATE ir_ui_view SET arch_fs = 'saas_manager_signup/views/confirmation_templates.xml'
 WHERE arch_fs = 'saas_manager_api/views/confirmation_templates.xml';
UPDATE ir_ui_view SET arch_fs = regexp_replace(arch_fs, '^saas_manager_(portal|captcha)/', 'saas_manager_signup/')
 WHERE arch_fs ~ '^saas_manager_(portal|captcha)/';
