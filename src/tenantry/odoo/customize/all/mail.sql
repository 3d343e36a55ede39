-- Odoo finds partners by this form of the address: without it, Odoo does not recognise the
-- company's own mail. For Odoo, a local part that is not ASCII is case-sensitive.
UPDATE res_partner
   SET email_normalized = CASE
           WHEN octet_length(split_part(email, '@', 1)) = length(split_part(email, '@', 1)) THEN lower(email)
           ELSE split_part(email, '@', 1) || '@' || lower(split_part(email, '@', 2))
       END
 WHERE id = (SELECT partner_id FROM res_company WHERE id = current_setting('tenantry.company_id')::integer)
   AND email IS NOT NULL;
