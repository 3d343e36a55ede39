-- Entries are in the company's currency. Odoo, too, does not allow another currency once there is an entry.
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

-- The country whose taxes apply: the customer's; else the one of the template's chart of accounts or recipe.
-- Odoo's generic chart has United States if no country was chosen.
SELECT set_config('tenantry.fiscal_country', COALESCE(customer.code, chart.code, recipe.code, ''), true),
       set_config('tenantry.previous_fiscal_country_id', COALESCE(company.account_fiscal_country_id, 0)::text, true)
  FROM res_company AS company
  LEFT JOIN res_country AS customer ON customer.code = upper(current_setting('tenantry.country', true))
  LEFT JOIN res_country AS recipe ON recipe.code = upper(current_setting('tenantry.template_country', true))
  LEFT JOIN res_country AS chart
    ON chart.id = company.account_fiscal_country_id
   AND (company.chart_template IS DISTINCT FROM 'generic_coa' OR chart.code <> 'US')
 WHERE company.id = current_setting('tenantry.company_id')::integer;

-- Only while there are no entries. The administrator chooses the country's own chart in the settings.
UPDATE res_company AS company
   SET account_fiscal_country_id = (
           SELECT id FROM res_country WHERE code = current_setting('tenantry.fiscal_country')
       )
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND NOT EXISTS (SELECT 1 FROM account_move_line);

UPDATE res_partner AS partner
   SET country_id = NULL, state_id = NULL
  FROM res_company AS company
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND company.account_fiscal_country_id IS NULL
   AND partner.id = company.partner_id;

-- If the country is not the template's, taxes of other countries are not offered and not used by default. Else
-- the taxes that the template's author left active stay active.
UPDATE account_tax AS tax
   SET active = false
  FROM res_company AS company
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND tax.company_id = company.id
   AND company.account_fiscal_country_id IS DISTINCT FROM
       current_setting('tenantry.previous_fiscal_country_id')::integer
   AND tax.country_id IS DISTINCT FROM company.account_fiscal_country_id;

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
