-- The registration of the template's company at the Malaysian tax authority.
UPDATE res_partner
   SET l10n_my_identification_number = NULL
 WHERE l10n_my_identification_number IS NOT NULL
   AND id IN (SELECT partner_id FROM res_company);
