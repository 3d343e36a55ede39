-- Codes of the template's company at the Italian tax authority: it is registered there, not the customer.
UPDATE res_company
   SET l10n_it_codice_fiscale = NULL,
       l10n_it_edi_register = false
 WHERE l10n_it_codice_fiscale IS NOT NULL
    OR l10n_it_edi_register IS DISTINCT FROM false;

UPDATE res_partner
   SET l10n_it_codice_fiscale = NULL,
       l10n_it_pa_index = NULL,
       l10n_it_pec_email = NULL
 WHERE id IN (SELECT partner_id FROM res_company);
