-- Copies of the customer's invoices would be sent to the recipients of the template's invoices.
UPDATE account_journal
   SET incoming_einvoice_notification_email = NULL
 WHERE incoming_einvoice_notification_email IS NOT NULL;
