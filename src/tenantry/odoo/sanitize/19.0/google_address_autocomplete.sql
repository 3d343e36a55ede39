-- Google would bill the template's owner for the customer's addresses.
DELETE FROM ir_config_parameter
 WHERE key = 'google_address_autocomplete.google_places_api_key';
