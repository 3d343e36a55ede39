-- People who know the address of a template's webhook could call the same webhook of every clone, without a
-- login.
UPDATE base_automation
   SET webhook_uuid = gen_random_uuid()::text
 WHERE webhook_uuid IS NOT NULL;
