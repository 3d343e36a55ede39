-- A receipt's link, or a screen paired with the template, must not open the instance's; a till's uuid must be
-- its own.
UPDATE pos_order
   SET access_token = NULL
 WHERE access_token IS NOT NULL;

UPDATE pos_session
   SET access_token = NULL
 WHERE access_token IS NOT NULL;

UPDATE pos_config
   SET uuid = gen_random_uuid()::text,
       access_token = left(replace(gen_random_uuid()::text, '-', ''), 16);
