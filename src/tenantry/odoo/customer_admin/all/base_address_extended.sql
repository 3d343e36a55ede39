-- Parts of the address that was removed.
UPDATE res_partner
   SET street_name = NULL,
       street_number = NULL,
       street_number2 = NULL,
       city_id = NULL
 WHERE id = (SELECT partner_id FROM res_users WHERE id = current_setting('tenantry.admin_id')::integer)
   AND street IS NULL;
