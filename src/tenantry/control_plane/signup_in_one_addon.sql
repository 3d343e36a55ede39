-- `saas_manager_signup` takes over what `saas_manager_portal`, `saas_manager_captcha` and the API's part of the signup
-- have in the master's database, before Odoo looks for those modules. Run again, or in a newer master, it does nothing.
-- Where older code was started after newer code, both are there: what the newer has already stays, and Odoo's update
-- removes the other's records, which get names that no addon has.

-- Odoo lists the new module as not installed, if its list of apps was updated since the code is there.
DELETE FROM ir_module_module
 WHERE name = 'saas_manager_signup' AND state NOT IN ('installed', 'to upgrade', 'to remove')
   AND EXISTS (SELECT FROM ir_module_module old
                WHERE old.name = 'saas_manager_portal' AND old.state IN ('installed', 'to upgrade', 'to remove'));
UPDATE ir_module_module SET name = 'saas_manager_signup'
 WHERE name = 'saas_manager_portal' AND state IN ('installed', 'to upgrade', 'to remove')
   AND NOT EXISTS (SELECT FROM ir_module_module signup WHERE signup.name = 'saas_manager_signup');

DELETE FROM ir_model_constraint it
 USING ir_module_module signup, ir_module_module old, ir_model_constraint same
 WHERE signup.name = 'saas_manager_signup' AND old.name IN ('saas_manager_portal', 'saas_manager_captcha')
   AND it.module = old.id AND same.module = signup.id AND same.name = it.name;
UPDATE ir_model_constraint it SET module = signup.id
  FROM ir_module_module signup, ir_module_module old
 WHERE signup.name = 'saas_manager_signup' AND old.name IN ('saas_manager_portal', 'saas_manager_captcha')
   AND it.module = old.id;
UPDATE ir_model_relation it SET module = signup.id
  FROM ir_module_module signup, ir_module_module old
 WHERE signup.name = 'saas_manager_signup' AND old.name IN ('saas_manager_portal', 'saas_manager_captcha')
   AND it.module = old.id;
DELETE FROM ir_module_module WHERE name IN ('saas_manager_portal', 'saas_manager_captcha');

-- Addons of others that depend on them: Odoo writes it again from their manifests, which say the same by now.
UPDATE ir_module_module_dependency SET name = 'saas_manager_signup'
 WHERE name IN ('saas_manager_portal', 'saas_manager_captcha');
DELETE FROM ir_module_module_dependency it USING ir_module_module_dependency same
 WHERE it.name = 'saas_manager_signup' AND same.name = it.name AND same.module_id = it.module_id AND same.id < it.id;

-- The names of their records: those that several have are of models that several extend.
DELETE FROM ir_model_data it
 WHERE module = 'base' AND model = 'ir.module.module' AND name LIKE 'module\_saas\_manager\_%'
   AND NOT EXISTS (SELECT FROM ir_module_module module WHERE module.id = it.res_id);
UPDATE ir_model_data SET name = 'module_saas_manager_signup'
 WHERE module = 'base' AND name = 'module_saas_manager_portal';
UPDATE ir_model_data SET name = 'altcha' WHERE module = 'saas_manager_captcha' AND name = 'captcha';
UPDATE ir_model_data SET name = 'res_config_settings_view_form_captcha'
 WHERE module = 'saas_manager_captcha' AND name = 'res_config_settings_view_form';
DO $$
DECLARE
    old text;
    of_the_api text[] := ARRAY['confirmation_page', 'field_saas_instance_request__link_sent_at'];
BEGIN
    FOREACH old IN ARRAY ARRAY['saas_manager_portal', 'saas_manager_api', 'saas_manager_captcha'] LOOP
        DELETE FROM ir_model_data it USING ir_model_data same
         WHERE it.module = old AND same.module = 'saas_manager_signup' AND same.name = it.name
           AND same.model = it.model AND same.res_id = it.res_id
           AND (old <> 'saas_manager_api' OR it.name = ANY (of_the_api));
        UPDATE ir_model_data it SET name = it.name || '__of_older_code', noupdate = false
          FROM ir_model_data same
         WHERE it.module = old AND same.module = 'saas_manager_signup' AND same.name = it.name
           AND (old <> 'saas_manager_api' OR it.name = ANY (of_the_api));
        UPDATE ir_model_data it SET module = 'saas_manager_signup'
         WHERE it.module = old
           AND (old <> 'saas_manager_api' OR replace(it.name, '__of_older_code', '') = ANY (of_the_api));
    END LOOP;
END $$;

-- Pages are called by these names, also in what an operator has changed or added.
DO $$
DECLARE
    names record;
BEGIN
    FOR names IN
        SELECT * FROM (VALUES
            (1, '\msaas_manager_captcha\.captcha\M', 'saas_manager_signup.altcha'),
            (2, '\msaas_manager_api\.confirmation_page\M', 'saas_manager_signup.confirmation_page'),
            (3, '\msaas_manager_captcha/views/res_config_settings_views\.xml\M',
                'saas_manager_signup/views/captcha_settings_views.xml'),
            (4, '\msaas_manager_api/views/confirmation_templates\.xml\M',
                'saas_manager_signup/views/confirmation_templates.xml'),
            (5, '\msaas_manager_(portal|captcha)\M', 'saas_manager_signup')
        ) AS given (number, old, new) ORDER BY number
    LOOP
        UPDATE ir_ui_view it SET key = regexp_replace(it.key, '^' || names.old, names.new)
         WHERE it.key ~ ('^' || names.old)
           AND NOT EXISTS (SELECT FROM ir_ui_view same
                            WHERE same.key = regexp_replace(it.key, '^' || names.old, names.new));
        UPDATE ir_ui_view it
           SET arch_db = (SELECT jsonb_object_agg(lang, regexp_replace(arch, names.old, names.new, 'g'))
                            FROM jsonb_each_text(it.arch_db) AS translation (lang, arch))
         WHERE it.arch_db::text ~ substring(names.old FROM 3);
        UPDATE ir_ui_view SET arch_prev = regexp_replace(arch_prev, names.old, names.new, 'g')
         WHERE arch_prev ~ names.old;
        UPDATE ir_ui_view SET arch_fs = regexp_replace(arch_fs, '^' || names.old, names.new)
         WHERE arch_fs ~ ('^' || names.old);
    END LOOP;
END $$;
