-- The keys of the template's bucket.
DELETE FROM ir_config_parameter
 WHERE key IN ('cloud_storage_google_bucket_name',
               'cloud_storage_google_account_info');
