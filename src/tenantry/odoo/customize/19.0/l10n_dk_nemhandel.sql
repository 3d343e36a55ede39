-- The network writes to the company's address if no other address is given.
UPDATE res_company
   SET nemhandel_contact_email = COALESCE(nemhandel_contact_email, email)
 WHERE id = current_setting('tenantry.company_id')::integer;
