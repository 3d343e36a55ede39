-- The template's account at MojEracun: invoices would be filed in its name.
UPDATE res_company
   SET l10n_hr_mer_username = NULL,
       l10n_hr_mer_password = NULL,
       l10n_hr_mer_company_ident = NULL,
       l10n_hr_mer_software_ident = NULL,
       l10n_hr_mer_connection_state = 'inactive'
 WHERE l10n_hr_mer_username IS NOT NULL
    OR l10n_hr_mer_password IS NOT NULL
    OR l10n_hr_mer_company_ident IS NOT NULL
    OR l10n_hr_mer_software_ident IS NOT NULL
    OR l10n_hr_mer_connection_state IS DISTINCT FROM 'inactive';
