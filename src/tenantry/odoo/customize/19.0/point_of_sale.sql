-- A point of sale has the currency of its company, unless its journal has another one.
UPDATE pos_config AS till
   SET currency_id = company.currency_id
  FROM res_company AS company
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND company.currency_id <> current_setting('tenantry.previous_currency_id')::integer
   AND till.company_id = company.id
   AND till.currency_id = current_setting('tenantry.previous_currency_id')::integer;
