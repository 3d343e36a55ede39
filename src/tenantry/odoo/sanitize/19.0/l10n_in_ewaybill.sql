-- The template's account at the Indian e-way bill system: invoices would be filed in its name.
UPDATE res_company
   SET l10n_in_ewaybill_username = NULL,
       l10n_in_ewaybill_password = NULL,
       l10n_in_ewaybill_auth_validity = NULL
 WHERE l10n_in_ewaybill_username IS NOT NULL
    OR l10n_in_ewaybill_password IS NOT NULL
    OR l10n_in_ewaybill_auth_validity IS NOT NULL;

UPDATE l10n_in_ewaybill
   SET access_token = NULL
 WHERE access_token IS NOT NULL;
