-- The template's account at Nilvera: invoices would be filed in its name.
UPDATE res_company
   SET l10n_tr_nilvera_api_key = NULL
 WHERE l10n_tr_nilvera_api_key IS NOT NULL;
