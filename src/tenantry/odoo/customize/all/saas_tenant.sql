-- The signed entitlements of the instance. This file is also run alone, when the plan changes.
INSERT INTO ir_config_parameter (key, value, create_uid, create_date, write_uid, write_date)
SELECT 'saas_tenant.entitlements', signed.token, 1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC'
  FROM (SELECT current_setting('tenantry.entitlements', true)) AS signed (token)
 WHERE signed.token <> ''
    ON CONFLICT (key) DO UPDATE
   SET value = EXCLUDED.value, write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date;
