-- Google would bill the template's owner for the customer's maps.
DELETE FROM ir_config_parameter
 WHERE key = 'base_geolocalize.google_map_api_key';
