-- The clone would read and write the calendars of the template's users, and change events that it does not share
-- with them.
UPDATE res_users_settings
   SET google_calendar_rtoken = NULL,
       google_calendar_token = NULL,
       google_calendar_token_validity = NULL,
       google_calendar_sync_token = NULL,
       google_calendar_cal_id = NULL
 WHERE google_calendar_rtoken IS NOT NULL
    OR google_calendar_token IS NOT NULL
    OR google_calendar_token_validity IS NOT NULL
    OR google_calendar_sync_token IS NOT NULL
    OR google_calendar_cal_id IS NOT NULL;

UPDATE calendar_event
   SET google_id = NULL
 WHERE google_id IS NOT NULL;

UPDATE calendar_recurrence
   SET google_id = NULL
 WHERE google_id IS NOT NULL;
