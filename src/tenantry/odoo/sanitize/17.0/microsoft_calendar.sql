-- The clone would read and write the calendars of the template's users, and change events it shares with none of them.
DELETE FROM microsoft_calendar_credentials;

UPDATE calendar_event
   SET microsoft_id = NULL
 WHERE microsoft_id IS NOT NULL;

UPDATE calendar_recurrence
   SET microsoft_id = NULL
 WHERE microsoft_id IS NOT NULL;
