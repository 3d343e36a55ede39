-- A link that opens a record of the template must not open the instance's copy.
UPDATE rating_rating
   SET access_token = replace(gen_random_uuid()::text, '-', '')
 WHERE access_token IS NOT NULL;
