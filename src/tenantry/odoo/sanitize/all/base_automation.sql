-- Whoever may call a webhook of the template could call, unauthenticated, the same one of every clone.
UPDATE base_automation
   SET webhook_uuid = gen_random_uuid()::text
 WHERE webhook_uuid IS NOT NULL;
