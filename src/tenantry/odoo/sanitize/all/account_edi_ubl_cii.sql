-- Derived from the tax number that was removed: documents would be addressed in the template's name.
UPDATE res_partner
   SET peppol_endpoint = NULL
 WHERE peppol_endpoint IS NOT NULL
   AND id IN (SELECT partner_id FROM res_company);
