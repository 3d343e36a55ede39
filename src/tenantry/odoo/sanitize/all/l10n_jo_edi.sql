-- The template's account at JoFotara: invoices would be filed in its name.
UPDATE res_company
   SET l10n_jo_edi_client_identifier = NULL,
       l10n_jo_edi_secret_key = NULL
 WHERE l10n_jo_edi_client_identifier IS NOT NULL
    OR l10n_jo_edi_secret_key IS NOT NULL;
