-- The template's application at Microsoft is registered for the template's address.
DELETE FROM ir_config_parameter
 WHERE key IN ('microsoft_outlook_client_id',
               'microsoft_outlook_client_secret');
