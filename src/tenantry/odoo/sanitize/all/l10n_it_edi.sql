-- Codes of the template's company at the Italian tax authority.
UPDATE res_company
   SET l10n_it_codice_fiscale = NULL
 WHERE l10n_it_codice_fiscale IS NOT NULL;

UPDATE res_partner
   SET l10n_it_codice_fiscale = NULL,
       l10n_it_pa_index = NULL,
       l10n_it_pec_email = NULL
 WHERE id IN (SELECT partner_id FROM res_company);
