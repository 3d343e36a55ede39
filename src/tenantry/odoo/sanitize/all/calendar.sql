-- The template's applications at Google and Microsoft are registered for its address; an invitation or call
-- link of one of its events must not work for the clone's copy.
DELETE FROM ir_config_parameter
 WHERE key IN ('google_calendar_client_id',
               'google_calendar_client_secret',
               'microsoft_calendar_client_id',
               'microsoft_calendar_client_secret');

DELETE FROM calendar_provider_config;

UPDATE calendar_event
   SET access_token = NULL,
       videocall_location = NULL
 WHERE access_token IS NOT NULL;

UPDATE calendar_attendee
   SET access_token = replace(gen_random_uuid()::text, '-', '')
 WHERE access_token IS NOT NULL;
