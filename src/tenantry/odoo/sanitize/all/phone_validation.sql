-- A second form of the phone number that was removed.
UPDATE res_partner
   SET phone_sanitized = NULL
 WHERE phone_sanitized IS NOT NULL
   AND id IN (SELECT partner_id FROM res_company);
