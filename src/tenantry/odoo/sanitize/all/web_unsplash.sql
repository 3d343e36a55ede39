-- Unsplash limits and bans by key: clones must not share the template's.
DELETE FROM ir_config_parameter
 WHERE key IN ('unsplash.access_key',
               'unsplash.app_id');
