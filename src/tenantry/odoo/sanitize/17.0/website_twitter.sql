-- The template's account at Twitter.
UPDATE website
   SET twitter_api_key = NULL,
       twitter_api_secret = NULL
 WHERE twitter_api_key IS NOT NULL
    OR twitter_api_secret IS NOT NULL;
