-- The customer's company, in the customer's language: the same values that Odoo's own form for a new database
-- writes, with everything that Odoo derives from them. A language that the template does not have is left out:
-- Odoo rejects a user whose language is not active.
INSERT INTO ir_config_parameter (key, value, create_uid, create_date, write_uid, write_date)
SELECT key, value, 1, now() AT TIME ZONE 'UTC', 1, now() AT TIME ZONE 'UTC'
  FROM (VALUES ('web.base.url', NULLIF(current_setting('tenantry.base_url', true), '')),
               ('web.base.url.freeze',
                CASE WHEN current_setting('tenantry.base_url', true) <> '' THEN 'True' END)
       ) AS address (key, value)
 WHERE value IS NOT NULL
    ON CONFLICT (key) DO UPDATE
   SET value = EXCLUDED.value, write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date;

-- Other modules have copies of the name and the currency. Their files run after this one, and use these values.
SELECT set_config('tenantry.company_id', company.id::text, true),
       set_config('tenantry.previous_company_name', company.name, true),
       set_config('tenantry.previous_currency_id', company.currency_id::text, true),
       set_config('tenantry.active_lang', COALESCE(lang.code, ''), true)
  FROM res_company AS company
  JOIN ir_model_data AS known
    ON known.res_id = company.id AND known.module = 'base' AND known.name = 'main_company'
  LEFT JOIN res_lang AS lang
    ON lang.code = current_setting('tenantry.lang', true) AND lang.active;

-- A state belongs to a country, so it is removed together with its country.
UPDATE res_partner AS partner
   SET name = COALESCE(NULLIF(current_setting('tenantry.company_name', true), ''), partner.name),
       email = COALESCE(NULLIF(current_setting('tenantry.email', true), ''), partner.email),
       lang = COALESCE(NULLIF(current_setting('tenantry.active_lang'), ''), partner.lang),
       tz = COALESCE(NULLIF(current_setting('tenantry.tz', true), ''), partner.tz),
       country_id = COALESCE(country.id, partner.country_id),
       state_id = CASE WHEN country.id IS NULL OR country.id = partner.country_id THEN partner.state_id END,
       write_uid = 1,
       write_date = now() AT TIME ZONE 'UTC'
  FROM res_company AS company
  LEFT JOIN res_country AS country
    ON country.code = upper(current_setting('tenantry.country', true))
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND partner.id = company.partner_id;

UPDATE res_company AS company
   SET name = partner.name,
       email = partner.email,
       write_uid = 1,
       write_date = now() AT TIME ZONE 'UTC'
  FROM res_partner AS partner
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND partner.id = company.partner_id;

-- Contacts of the company are listed under its name.
UPDATE res_partner AS partner
   SET commercial_company_name = company.name,
       complete_name = CASE
           WHEN partner.id = company.partner_id THEN btrim(partner.name)
           WHEN starts_with(partner.complete_name, previous.name || ', ')
           THEN company.name || substr(partner.complete_name, length(previous.name) + 1)
           ELSE partner.complete_name
       END
  FROM res_company AS company,
       current_setting('tenantry.previous_company_name') AS previous (name)
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND partner.commercial_partner_id = company.partner_id;

-- The currency of the country, which must be active. If accounting is installed, the file of that module sets the
-- currency: a company with entries keeps it.
UPDATE res_currency AS currency
   SET active = true
  FROM res_country AS country
 WHERE country.code = upper(current_setting('tenantry.country', true))
   AND currency.id = country.currency_id
   AND currency.active IS NOT TRUE
   AND to_regclass('public.account_move_line') IS NULL;

UPDATE res_company AS company
   SET currency_id = country.currency_id
  FROM res_country AS country
 WHERE company.id = current_setting('tenantry.company_id')::integer
   AND country.code = upper(current_setting('tenantry.country', true))
   AND country.currency_id IS NOT NULL
   AND to_regclass('public.account_move_line') IS NULL;

-- Visitors and later users begin with the customer's language and time zone: Odoo copies these users for them.
UPDATE res_partner AS partner
   SET lang = COALESCE(NULLIF(current_setting('tenantry.active_lang'), ''), partner.lang),
       tz = COALESCE(NULLIF(current_setting('tenantry.tz', true), ''), partner.tz)
  FROM res_users AS pattern
  JOIN ir_model_data AS known
    ON known.res_id = pattern.id AND known.model = 'res.users' AND known.module = 'base'
 WHERE known.name IN ('default_user', 'public_user', 'template_portal_user_id', 'user_root')
   AND partner.id = pattern.partner_id;

UPDATE ir_default AS assumed
   SET json_value = to_json(current_setting('tenantry.active_lang'))::text
  FROM ir_model_fields AS field
 WHERE field.id = assumed.field_id
   AND field.model = 'res.partner'
   AND field.name = 'lang'
   AND assumed.user_id IS NULL
   AND assumed.company_id IS NULL
   AND assumed.condition IS NULL
   AND current_setting('tenantry.active_lang') <> '';
