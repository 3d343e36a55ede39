-- A second form of the phone number that was removed.
UPDATE res_partner
   SET phone_sanitized = NULL
 WHERE id = (SELECT partner_id FROM res_users WHERE id = current_setting('tenantry.admin_id')::integer)
   AND phone IS NULL
   AND mobile IS NULL
   AND phone_sanitized IS NOT NULL;
