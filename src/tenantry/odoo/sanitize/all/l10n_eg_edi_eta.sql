-- The template's account at the Egyptian tax authority: invoices would be filed in its name.
UPDATE res_company
   SET l10n_eg_client_identifier = NULL,
       l10n_eg_client_secret = NULL
 WHERE l10n_eg_client_identifier IS NOT NULL
    OR l10n_eg_client_secret IS NOT NULL;

DELETE FROM ir_attachment
 WHERE res_model = 'l10n_eg_edi.thumb.drive';

DELETE FROM l10n_eg_edi_thumb_drive;

UPDATE account_journal
   SET l10n_eg_branch_identifier = NULL
 WHERE l10n_eg_branch_identifier IS NOT NULL;
