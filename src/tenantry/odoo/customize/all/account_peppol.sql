-- The network writes to the company's address if no other address is given.
UPDATE res_company
   SET account_peppol_contact_email = COALESCE(account_peppol_contact_email, email)
 WHERE id = current_setting('tenantry.company_id')::integer;
