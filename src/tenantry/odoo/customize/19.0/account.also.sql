-- The company is notified of vendors' electronic invoices, which is Odoo's default for a new company.
UPDATE account_journal AS journal
   SET incoming_einvoice_notification_email = company.email
  FROM res_company AS company
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND journal.company_id = company.id
   AND journal.type = 'purchase'
   AND journal.incoming_einvoice_notification_email IS NULL;
