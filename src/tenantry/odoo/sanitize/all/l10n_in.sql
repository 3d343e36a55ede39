-- Invoices print this account as a QR code for payments: the template's company would get the money.
UPDATE res_company
   SET l10n_in_upi_id = NULL
 WHERE l10n_in_upi_id IS NOT NULL;
