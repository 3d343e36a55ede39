-- The clone would read and write the calendars of the template's users, and change events that it does not share
-- with them.
DELETE FROM google_calendar_credentials;

UPDATE calendar_event
   SET google_id = NULL
 WHERE google_id IS NOT NULL;

UPDATE calendar_recurrence
   SET google_id = NULL
 WHERE google_id IS NOT NULL;
