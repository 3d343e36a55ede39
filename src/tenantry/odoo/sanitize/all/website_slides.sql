-- A link that opens a record of the template must not open the instance's copy.
UPDATE slide_channel
   SET access_token = gen_random_uuid()::text
 WHERE access_token IS NOT NULL;

-- Google would bill the template's owner for the customer's slides.
UPDATE website
   SET website_slide_google_app_key = NULL
 WHERE website_slide_google_app_key IS NOT NULL;
