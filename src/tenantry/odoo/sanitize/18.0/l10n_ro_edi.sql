-- The template's account at the Romanian tax authority: invoices would be filed in its name.
UPDATE res_company
   SET l10n_ro_edi_client_id = NULL,
       l10n_ro_edi_client_secret = NULL,
       l10n_ro_edi_access_token = NULL,
       l10n_ro_edi_refresh_token = NULL,
       l10n_ro_edi_access_expiry_date = NULL,
       l10n_ro_edi_refresh_expiry_date = NULL,
       l10n_ro_edi_oauth_error = NULL
 WHERE l10n_ro_edi_client_id IS NOT NULL
    OR l10n_ro_edi_client_secret IS NOT NULL
    OR l10n_ro_edi_access_token IS NOT NULL
    OR l10n_ro_edi_refresh_token IS NOT NULL
    OR l10n_ro_edi_access_expiry_date IS NOT NULL
    OR l10n_ro_edi_refresh_expiry_date IS NOT NULL
    OR l10n_ro_edi_oauth_error IS NOT NULL;
