-- The clone would read and write the calendars of the template's users, and change events that it does not share
-- with them.
DELETE FROM microsoft_calendar_credentials;

UPDATE calendar_event
   SET microsoft_id = NULL,
       microsoft_recurrence_master_id = NULL
 WHERE microsoft_id IS NOT NULL
    OR microsoft_recurrence_master_id IS NOT NULL;

UPDATE calendar_recurrence
   SET microsoft_id = NULL
 WHERE microsoft_id IS NOT NULL;

-- This value marks the database's own events in calendars that several databases may share.
UPDATE ir_config_parameter
   SET value = gen_random_uuid()::text
 WHERE key = 'microsoft_calendar.microsoft_guid';

DELETE FROM ir_config_parameter
 WHERE key = 'microsoft_calendar.sync.first_synchronization_date';
