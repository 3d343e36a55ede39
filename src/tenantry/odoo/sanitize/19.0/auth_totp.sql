-- A second factor of the template would lock users out of every clone, or let its owner log in; a browser that
-- is trusted in the template must not be trusted here.
UPDATE res_users
   SET totp_secret = NULL,
       totp_last_counter = NULL
 WHERE totp_secret IS NOT NULL
    OR totp_last_counter IS NOT NULL;

DELETE FROM auth_totp_device;
DELETE FROM auth_totp_wizard;
DELETE FROM auth_totp_rate_limit_log;
