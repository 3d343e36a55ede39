-- The network writes to the company's address where no other is given.
UPDATE res_company
   SET nemhandel_contact_email = COALESCE(nemhandel_contact_email, email)
 WHERE id = current_setting('tenantry.company_id')::integer;
