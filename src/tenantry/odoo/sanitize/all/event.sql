-- Google would bill the template's owner for the customer's maps.
DELETE FROM ir_config_parameter
 WHERE key IN ('google_maps.signed_static_api_key',
               'google_maps.signed_static_api_secret');
