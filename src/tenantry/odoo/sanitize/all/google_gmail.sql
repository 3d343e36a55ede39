-- The template's application at Google is registered for the template's address.
DELETE FROM ir_config_parameter
 WHERE key IN ('google_gmail_client_id',
               'google_gmail_client_secret');
