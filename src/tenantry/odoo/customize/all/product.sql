-- A point of sale or a shop does not open if its pricelist has another currency than its company.
UPDATE product_pricelist AS list
   SET currency_id = company.currency_id
  FROM res_company AS company
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND company.currency_id <> current_setting('tenantry.previous_currency_id')::integer
   AND list.currency_id = current_setting('tenantry.previous_currency_id')::integer
   AND (list.company_id IS NULL OR list.company_id = company.id);

UPDATE product_pricelist_item AS item
   SET currency_id = list.currency_id
  FROM product_pricelist AS list
 WHERE list.id = item.pricelist_id
   AND item.currency_id IS DISTINCT FROM list.currency_id;

UPDATE product_supplierinfo AS price
   SET currency_id = company.currency_id
  FROM res_company AS company
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND company.currency_id <> current_setting('tenantry.previous_currency_id')::integer
   AND price.currency_id = current_setting('tenantry.previous_currency_id')::integer
   AND (price.company_id IS NULL OR price.company_id = company.id);
