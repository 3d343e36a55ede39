-- An instance begins when a customer gets it, even if it waited long as a spare. Links that were made before that
-- time are not valid.
INSERT INTO ir_config_parameter (key, value, create_uid, create_date, write_uid, write_date)
VALUES ('database.create_date', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
        1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC')
    ON CONFLICT (key) DO UPDATE
   SET value = EXCLUDED.value, write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date;

-- Every scheduled job of the template is overdue in its clone, and many clones that wake at once would all run
-- them. So the jobs start from now, without the template's past runs. Each clone has a random time of its own, and
-- all jobs of one clone have the same time, so that it wakes only once for them.
DELETE FROM ir_cron_trigger;
DELETE FROM ir_cron_progress;

UPDATE ir_cron
   SET lastcall = NULL,
       failure_count = 0,
       first_failure_date = NULL,
       nextcall = date_trunc('second', now() AT TIME ZONE 'UTC')
                  + jitter.seconds * interval '1 second'
  FROM (SELECT floor(random()
                     * COALESCE(NULLIF(current_setting('tenantry.cron_jitter_s', true), ''), '0')::integer)
       ) AS jitter (seconds)
 WHERE active;
