-- The template's account at ZATCA: invoices would be filed in its name.
UPDATE account_journal
   SET l10n_sa_compliance_csid_json = NULL,
       l10n_sa_production_csid_json = NULL,
       l10n_sa_compliance_checks_passed = false,
       l10n_sa_serial_number = NULL
 WHERE l10n_sa_compliance_csid_json IS NOT NULL
    OR l10n_sa_production_csid_json IS NOT NULL
    OR l10n_sa_serial_number IS NOT NULL;

UPDATE res_partner
   SET l10n_sa_additional_identification_number = NULL
 WHERE l10n_sa_additional_identification_number IS NOT NULL
   AND id IN (SELECT partner_id FROM res_company);
