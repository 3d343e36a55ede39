-- Working hours are in local time: in the template's time zone they could be at night.
UPDATE resource_calendar
   SET tz = current_setting('tenantry.tz', true)
 WHERE current_setting('tenantry.tz', true) <> ''
   AND (company_id IS NULL OR company_id = current_setting('tenantry.company_id')::integer);
