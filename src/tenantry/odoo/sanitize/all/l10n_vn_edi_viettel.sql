-- The template's account at Viettel: invoices would be filed in its name.
UPDATE res_company
   SET l10n_vn_edi_username = NULL,
       l10n_vn_edi_password = NULL,
       l10n_vn_edi_token = NULL,
       l10n_vn_edi_token_expiry = NULL
 WHERE l10n_vn_edi_username IS NOT NULL
    OR l10n_vn_edi_password IS NOT NULL
    OR l10n_vn_edi_token IS NOT NULL
    OR l10n_vn_edi_token_expiry IS NOT NULL;
