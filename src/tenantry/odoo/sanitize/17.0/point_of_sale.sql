-- A receipt's link, or a screen that is paired with the template, must not work in the instance; each point of
-- sale needs a uuid of its own.
UPDATE pos_order
   SET access_token = NULL
 WHERE access_token IS NOT NULL;

UPDATE pos_session
   SET access_token = NULL
 WHERE access_token IS NOT NULL;

UPDATE pos_config
   SET uuid = gen_random_uuid()::text;
