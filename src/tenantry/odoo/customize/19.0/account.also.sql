-- Vendors' electronic invoices are announced to the company, as Odoo does for a new one.
UPDATE account_journal AS journal
   SET incoming_einvoice_notification_email = company.email
  FROM res_company AS company
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND journal.company_id = company.id
   AND journal.type = 'purchase'
   AND journal.incoming_einvoice_notification_email IS NULL;
