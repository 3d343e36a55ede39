-- The fiscal country decides which taxes apply: where a chart of accounts has set it, it stays.
UPDATE res_company AS company
   SET account_fiscal_country_id = partner.country_id
  FROM res_partner AS partner
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND company.account_fiscal_country_id IS NULL
   AND partner.id = company.partner_id;

-- Entries are in the company's currency: Odoo, too, forbids to change it once there is one.
UPDATE res_currency AS currency
   SET active = true
  FROM res_country AS country
 WHERE country.code = upper(current_setting('tenantry.country', true))
   AND currency.id = country.currency_id
   AND currency.active IS NOT TRUE
   AND NOT EXISTS (SELECT 1 FROM account_move_line);

UPDATE res_company AS company
   SET currency_id = country.currency_id
  FROM res_country AS country
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND country.code = upper(current_setting('tenantry.country', true))
   AND country.currency_id IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM account_move_line);
