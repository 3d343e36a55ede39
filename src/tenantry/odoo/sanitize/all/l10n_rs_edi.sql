-- The template's account at eFaktura: invoices would be filed in its name.
UPDATE res_company
   SET l10n_rs_edi_api_key = NULL
 WHERE l10n_rs_edi_api_key IS NOT NULL;
