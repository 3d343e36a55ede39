-- The site's name is part of every page's title; Odoo's default is "My Website". The customer's language is the
-- site's first language.
UPDATE website AS site
   SET name = company.name
  FROM res_company AS company
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND site.company_id = company.id
   AND site.name IN ('My Website', current_setting('tenantry.previous_company_name'));

INSERT INTO website_lang_rel (website_id, lang_id)
SELECT site.id, lang.id
  FROM website AS site
  JOIN res_lang AS lang ON lang.code = current_setting('tenantry.active_lang')
 WHERE site.company_id = current_setting('tenantry.company_id')::integer
    ON CONFLICT DO NOTHING;

UPDATE website AS site
   SET default_lang_id = lang.id
  FROM res_lang AS lang
 WHERE lang.code = current_setting('tenantry.active_lang')
   AND site.company_id = current_setting('tenantry.company_id')::integer;
