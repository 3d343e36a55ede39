-- The template's account at the Hungarian tax authority: invoices would be filed in its name.
UPDATE res_company
   SET l10n_hu_edi_username = NULL,
       l10n_hu_edi_password = NULL,
       l10n_hu_edi_signature_key = NULL,
       l10n_hu_edi_replacement_key = NULL
 WHERE l10n_hu_edi_username IS NOT NULL
    OR l10n_hu_edi_password IS NOT NULL
    OR l10n_hu_edi_signature_key IS NOT NULL
    OR l10n_hu_edi_replacement_key IS NOT NULL;
