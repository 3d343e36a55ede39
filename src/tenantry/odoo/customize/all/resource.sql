-- Working hours are local time: those of the template's zone would be at night for some.
UPDATE resource_calendar
   SET tz = current_setting('tenantry.tz', true)
 WHERE current_setting('tenantry.tz', true) <> ''
   AND (company_id IS NULL OR company_id = current_setting('tenantry.company_id')::integer);
