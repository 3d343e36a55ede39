-- An instance begins when a customer gets it, however long it waited as a spare. Links that were made before
-- are of another's time.
INSERT INTO ir_config_parameter (key, value, create_uid, create_date, write_uid, write_date)
VALUES ('database.create_date', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
        1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC')
    ON CONFLICT (key) DO UPDATE
   SET value = EXCLUDED.value, write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date;

-- Every job of the template is overdue in its clone, and a hundred clones woke at once would all run them.
-- Jobs start from now, with no memory of the template's runs: each clone's at a moment of its own, and all of a
-- clone's at the same one, so that it need not wake for each.
DELETE FROM ir_cron_trigger;

UPDATE ir_cron
   SET lastcall = NULL,
       nextcall = date_trunc('second', now() AT TIME ZONE 'UTC')
                  + jitter.seconds * interval '1 second'
  FROM (SELECT floor(random()
                     * COALESCE(NULLIF(current_setting('tenantry.cron_jitter_s', true), ''), '0')::integer)
       ) AS jitter (seconds)
 WHERE active;
