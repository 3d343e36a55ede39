-- The template's company, as the Malaysian tax authority knows it.
UPDATE res_partner
   SET l10n_my_identification_number = NULL
 WHERE l10n_my_identification_number IS NOT NULL
   AND id IN (SELECT partner_id FROM res_company);
