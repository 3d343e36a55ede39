-- A link that opens a record of the template must not open the instance's copy.
UPDATE survey_survey
   SET access_token = gen_random_uuid()::text
 WHERE access_token IS NOT NULL;

UPDATE survey_user_input
   SET access_token = gen_random_uuid()::text;
