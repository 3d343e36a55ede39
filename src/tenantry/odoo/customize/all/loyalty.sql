-- Gift cards and discounts are in the company's currency, and gift cards have its name.
UPDATE loyalty_program AS program
   SET currency_id = company.currency_id
  FROM res_company AS company
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND company.currency_id <> current_setting('tenantry.previous_currency_id')::integer
   AND program.currency_id = current_setting('tenantry.previous_currency_id')::integer
   AND (program.company_id IS NULL OR program.company_id = company.id);

UPDATE loyalty_program AS program
   SET portal_point_name = jsonb_build_object('en_US', currency.symbol)
  FROM res_currency AS currency
 WHERE currency.id = program.currency_id
   AND program.program_type IN ('ewallet', 'gift_card')
   AND program.portal_point_name ->> 'en_US' IS DISTINCT FROM currency.symbol;
