-- A clone carries its template's identity: people who know the template's secrets, keys or tokens would
-- know those of every instance made from it. database.secret signs sessions, reset links and unsubscribe
-- links: a new secret makes all of them invalid.
INSERT INTO ir_config_parameter (key, value, create_uid, create_date, write_uid, write_date)
SELECT key, value, 1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC'
  FROM (VALUES ('database.uuid', gen_random_uuid()::text),
               ('database.secret', gen_random_uuid()::text || gen_random_uuid()::text)
       ) AS fresh (key, value)
    ON CONFLICT (key) DO UPDATE
   SET value = EXCLUDED.value, write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date;

-- Frozen: otherwise Odoo sets web.base.url, at each login of an administrator, to the host of that request,
-- perhaps an internal address or a second domain, and uses it for links in mails. An instance has one public
-- address, which the engine knows. Without an address from the engine, Odoo's default behaviour applies.
DELETE FROM ir_config_parameter
 WHERE key = 'web.base.url.freeze';

INSERT INTO ir_config_parameter (key, value, create_uid, create_date, write_uid, write_date)
SELECT key, value, 1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC'
  FROM (VALUES ('web.base.url',
                COALESCE(NULLIF(current_setting('tenantry.base_url', true), ''), 'http://localhost:8069')),
               ('web.base.url.freeze',
                CASE WHEN current_setting('tenantry.base_url', true) <> '' THEN 'True' END)
       ) AS address (key, value)
 WHERE value IS NOT NULL
    ON CONFLICT (key) DO UPDATE
   SET value = EXCLUDED.value, write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date;

-- The template's subscription at Odoo, and its profiling data, do not belong to the customer.
DELETE FROM ir_config_parameter
 WHERE key IN ('database.enterprise_code',
               'database.expiration_date',
               'database.expiration_reason',
               'database.already_linked_email',
               'database.already_linked_send_mail_url',
               'database.already_linked_subscription_url',
               'base.profiling_enabled_until');

-- The people who built the template can no longer log in, and no trace of them is left. The template's other
-- users, such as Odoo's demonstration user, stay without a password: the old one would open every instance.
UPDATE res_users
   SET password = NULL
 WHERE password IS NOT NULL
   AND id NOT IN (SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'user_admin');

DELETE FROM res_users_apikeys;
DELETE FROM res_device_log;
DELETE FROM res_users_log;
DELETE FROM ir_logging;
DELETE FROM ir_profile;

-- The records of open forms keep what was typed in, passwords and API keys too, until a nightly job deletes them.
DELETE FROM change_password_own;
DELETE FROM change_password_wizard;
DELETE FROM res_users_identitycheck;
DELETE FROM res_config_settings;

-- Mail would be sent through the template's account, in its name.
DELETE FROM ir_mail_server;

-- A link that opens an attachment of the template must not open the instance's copy.
UPDATE ir_attachment
   SET access_token = NULL
 WHERE access_token IS NOT NULL;

-- Records would be posted to the addresses of the template's webhooks. With an empty address saving a record
-- fails; an invalid address is only logged.
UPDATE ir_act_server
   SET webhook_url = CASE WHEN state = 'webhook' THEN 'enter your own webhook URL' END
 WHERE webhook_url IS NOT NULL;

-- The template's legal identity would be false on the customer's invoices. The name, country and currency stay
-- until the customer's own are known.
UPDATE res_partner
   SET vat = NULL,
       company_registry = NULL,
       email = NULL,
       phone = NULL,
       website = NULL,
       street = NULL,
       street2 = NULL,
       zip = NULL,
       city = NULL,
       state_id = NULL,
       partner_latitude = NULL,
       partner_longitude = NULL
 WHERE id IN (SELECT partner_id FROM res_company);

UPDATE res_company
   SET email = NULL,
       phone = NULL;

-- Archived, since journals and documents may refer to them: the customers of this customer must not pay into
-- the template's account.
UPDATE res_partner_bank
   SET active = false
 WHERE active
   AND partner_id IN (SELECT partner_id FROM res_company);
