-- The template's account at the Greek tax authority: invoices would be filed in its name.
UPDATE res_company
   SET l10n_gr_edi_aade_id = NULL,
       l10n_gr_edi_aade_key = NULL
 WHERE l10n_gr_edi_aade_id IS NOT NULL
    OR l10n_gr_edi_aade_key IS NOT NULL;
