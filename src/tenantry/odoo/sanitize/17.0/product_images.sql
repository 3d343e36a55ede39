-- Google would bill the template's owner for the customer's searches.
DELETE FROM ir_config_parameter
 WHERE key IN ('google.custom_search.key',
               'google.pse.id');
