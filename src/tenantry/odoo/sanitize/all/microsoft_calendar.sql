-- The clone would read and write the calendars of the template's users, and change events that it does not share
-- with them.
UPDATE res_users_settings
   SET microsoft_calendar_sync_token = NULL,
       microsoft_last_sync_date = NULL
 WHERE microsoft_calendar_sync_token IS NOT NULL
    OR microsoft_last_sync_date IS NOT NULL;

UPDATE calendar_event
   SET microsoft_id = NULL,
       microsoft_recurrence_master_id = NULL,
       ms_universal_event_id = NULL
 WHERE microsoft_id IS NOT NULL
    OR microsoft_recurrence_master_id IS NOT NULL
    OR ms_universal_event_id IS NOT NULL;

UPDATE calendar_recurrence
   SET microsoft_id = NULL,
       ms_universal_event_id = NULL
 WHERE microsoft_id IS NOT NULL
    OR ms_universal_event_id IS NOT NULL;

-- This value marks the database's own events in calendars that several databases may share.
UPDATE ir_config_parameter
   SET value = gen_random_uuid()::text
 WHERE key = 'microsoft_calendar.microsoft_guid';

DELETE FROM ir_config_parameter
 WHERE key = 'microsoft_calendar.sync.first_synchronization_date';
