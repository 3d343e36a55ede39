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

-- A chart of accounts that was made for another country: as long as nothing is booked the customer's country decides,
-- and a tax of any other country is neither offered nor taken by default. Its administrator chooses the country's own
-- chart in the settings.
UPDATE res_company AS company
   SET account_fiscal_country_id = country.id
  FROM res_country AS country
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND country.code = upper(current_setting('tenantry.country', true))
   AND company.account_fiscal_country_id IS DISTINCT FROM country.id
   AND NOT EXISTS (SELECT 1 FROM account_move_line);

UPDATE account_tax AS tax
   SET active = false
  FROM res_company AS company
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND tax.company_id = company.id
   AND tax.country_id IS DISTINCT FROM company.account_fiscal_country_id
   AND current_setting('tenantry.country', true) <> '';

UPDATE res_company AS company
   SET account_sale_tax_id = CASE WHEN sale.active THEN sale.id END,
       account_purchase_tax_id = CASE WHEN purchase.active THEN purchase.id END
  FROM res_company AS same
  LEFT JOIN account_tax AS sale ON sale.id = same.account_sale_tax_id
  LEFT JOIN account_tax AS purchase ON purchase.id = same.account_purchase_tax_id
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND same.id = company.id;

DELETE FROM product_taxes_rel WHERE tax_id IN (SELECT id FROM account_tax WHERE NOT active);
DELETE FROM product_supplier_taxes_rel WHERE tax_id IN (SELECT id FROM account_tax WHERE NOT active);
