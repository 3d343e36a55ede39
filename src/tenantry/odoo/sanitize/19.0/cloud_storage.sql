-- The customer's files would be stored in the template's bucket.
DELETE FROM ir_config_parameter
 WHERE key = 'cloud_storage_provider';
