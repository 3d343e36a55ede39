-- Gift cards and discounts are counted in the company's currency.
UPDATE loyalty_program AS program
   SET currency_id = company.currency_id
  FROM res_company AS company
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND company.currency_id <> current_setting('tenantry.previous_currency_id')::integer
   AND program.currency_id = current_setting('tenantry.previous_currency_id')::integer
   AND (program.company_id IS NULL OR program.company_id = company.id);
