-- Clones must not send the messages in the template's queue again, and its sent messages are not part of the
-- customer's history. The text of a mail is a message record, kept only if it is also the notification of a
-- document.
WITH mail AS (
    DELETE FROM mail_mail
    RETURNING mail_message_id, is_notification
)
DELETE FROM mail_message
 WHERE id IN (SELECT mail_message_id FROM mail WHERE is_notification IS NOT TRUE);

DELETE FROM mail_message_schedule;

-- The clone would fetch the template's incoming mail, which removes it from the mail server.
DELETE FROM fetchmail_server;

-- Replies would go to the template's domain, where no clone reads them. An alias that exists in two domains is
-- kept once.
UPDATE mail_alias AS alias
   SET alias_domain_id = NULL,
       alias_name = kept.name,
       alias_full_name = kept.name
  FROM (SELECT id,
               CASE WHEN row_number() OVER same_name = 1 THEN alias_name END AS name
          FROM mail_alias
        WINDOW same_name AS (PARTITION BY alias_name ORDER BY alias_domain_id NULLS FIRST, id)
       ) AS kept
 WHERE kept.id = alias.id
   AND alias.alias_domain_id IS NOT NULL;

UPDATE res_company
   SET alias_domain_id = NULL,
       alias_domain_name = NULL
 WHERE alias_domain_id IS NOT NULL;

DELETE FROM mail_alias_domain;

UPDATE res_partner
   SET email_normalized = NULL
 WHERE email IS NULL
   AND email_normalized IS NOT NULL;

-- Browsers that subscribed to the template would show this customer's notifications.
DELETE FROM mail_notification_web_push;
DELETE FROM mail_partner_device;

-- The template's keys and accounts for push messages, calls, translation and pictures: their owner would pay
-- for this customer's use, or could listen in.
DELETE FROM ir_config_parameter
 WHERE key IN ('mail.web_push_vapid_private_key',
               'mail.web_push_vapid_public_key',
               'mail.sfu_server_url',
               'mail.sfu_server_key',
               'mail.twilio_account_sid',
               'mail.twilio_account_token',
               'mail.use_twilio_rtc_servers',
               'mail.google_translate_api_key',
               'discuss.tenor_api_key');

DELETE FROM mail_ice_server;
DELETE FROM discuss_channel_rtc_session;

-- A channel's uuid is enough to join it, and a guest's token is enough to log in as that guest.
UPDATE discuss_channel
   SET uuid = replace(gen_random_uuid()::text, '-', ''),
       sfu_channel_uuid = NULL,
       sfu_server_url = NULL;

UPDATE mail_guest
   SET access_token = gen_random_uuid()::text;
