-- The template's keys are registered for its address: with them every form here would be rejected.
DELETE FROM ir_config_parameter
 WHERE key IN ('cf.turnstile_site_key',
               'cf.turnstile_secret_key');
