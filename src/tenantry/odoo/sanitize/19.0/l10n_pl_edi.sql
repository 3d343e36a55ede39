-- The template's account at KSeF: invoices would be filed in its name.
UPDATE res_company
   SET l10n_pl_edi_certificate = NULL,
       l10n_pl_edi_access_token = NULL,
       l10n_pl_edi_refresh_token = NULL,
       l10n_pl_edi_session_id = NULL
 WHERE l10n_pl_edi_certificate IS NOT NULL
    OR l10n_pl_edi_access_token IS NOT NULL
    OR l10n_pl_edi_refresh_token IS NOT NULL
    OR l10n_pl_edi_session_id IS NOT NULL;

DELETE FROM ir_attachment
 WHERE res_model = 'res.company'
   AND res_field IN ('l10n_pl_edi_session_key', 'l10n_pl_edi_session_iv');
