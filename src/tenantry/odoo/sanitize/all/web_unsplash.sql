-- Unsplash counts and blocks requests by key: clones must not share the template's key.
DELETE FROM ir_config_parameter
 WHERE key IN ('unsplash.access_key',
               'unsplash.app_id');
