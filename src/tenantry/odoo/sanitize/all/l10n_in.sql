-- Invoices print it as a code to pay with: it would pay the template's company.
UPDATE res_company
   SET l10n_in_upi_id = NULL
 WHERE l10n_in_upi_id IS NOT NULL;
