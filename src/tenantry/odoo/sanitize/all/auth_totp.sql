-- A second factor enrolled in the template would lock its users out of every clone, or let its author in; a
-- browser trusted there must not be trusted here.
UPDATE res_users
   SET totp_secret = NULL
 WHERE totp_secret IS NOT NULL;

DELETE FROM auth_totp_device;
DELETE FROM auth_totp_wizard;
