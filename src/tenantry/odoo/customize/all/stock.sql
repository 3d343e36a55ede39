-- A warehouse gets its company's name when it is created.
UPDATE stock_warehouse AS warehouse
   SET name = company.name
  FROM res_company AS company
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND warehouse.company_id = company.id
   AND warehouse.name = current_setting('tenantry.previous_company_name');
