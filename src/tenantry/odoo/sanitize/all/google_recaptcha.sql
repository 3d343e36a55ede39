-- The template's keys are registered for its address: with them every form here would be rejected.
DELETE FROM ir_config_parameter
 WHERE key IN ('recaptcha_public_key',
               'recaptcha_private_key');
