-- The template's account at the Indian tax authority: invoices would be filed in its name.
UPDATE res_company
   SET l10n_in_edi_username = NULL,
       l10n_in_edi_password = NULL,
       l10n_in_edi_token = NULL,
       l10n_in_edi_token_validity = NULL
 WHERE l10n_in_edi_username IS NOT NULL
    OR l10n_in_edi_password IS NOT NULL
    OR l10n_in_edi_token IS NOT NULL
    OR l10n_in_edi_token_validity IS NOT NULL;
