-- The customer becomes the administrator: they get the record base.user_admin, and with it the groups and
-- defaults that Odoo gives this record. The password is given as the hash that Odoo would have stored.
SELECT set_config('tenantry.admin_id', known.res_id::text, true),
       set_config('tenantry.previous_admin_name', partner.name, true)
  FROM ir_model_data AS known
  JOIN res_users AS admin ON admin.id = known.res_id
  JOIN res_partner AS partner ON partner.id = admin.partner_id
 WHERE known.module = 'base'
   AND known.name = 'user_admin';

-- A default signature consists of the user's name only, and gets the new name; any other signature stays.
UPDATE res_users AS admin
   SET signature = '<p data-o-mail-quote="1">--<br data-o-mail-quote="1">' || escaped.name || '</p>'
  FROM (SELECT replace(replace(replace(replace(replace(
                   current_setting('tenantry.admin_name', true),
                   '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&#34;'), '''', '&#39;')
       ) AS escaped (name)
 WHERE admin.id = current_setting('tenantry.admin_id')::integer
   AND current_setting('tenantry.admin_name', true) <> ''
   AND regexp_replace(COALESCE(admin.signature, ''), '<[^>]*>|\s|--', '', 'g')
       IN ('', regexp_replace(current_setting('tenantry.previous_admin_name'), '\s', '', 'g'));

UPDATE res_users
   SET login = COALESCE(NULLIF(current_setting('tenantry.email', true), ''), login),
       password = COALESCE(NULLIF(current_setting('tenantry.admin_password_hash', true), ''), password),
       active = true,
       write_uid = 1,
       write_date = now() AT TIME ZONE 'UTC'
 WHERE id = current_setting('tenantry.admin_id')::integer;

-- The other fields of the contact, such as the photo, belong to the administrator of the template. If the contact
-- has the customer's address already, they are the customer's.
WITH stranger AS (
    UPDATE res_partner AS partner
       SET company_name = NULL,
           commercial_company_name = CASE WHEN parent_id IS NOT NULL THEN commercial_company_name END,
           phone = NULL,
           mobile = NULL,
           website = NULL,
           function = NULL,
           street = NULL,
           street2 = NULL,
           zip = NULL,
           city = NULL,
           state_id = NULL,
           country_id = NULL,
           vat = NULL
      FROM res_users AS admin
     WHERE admin.id = current_setting('tenantry.admin_id')::integer
       AND partner.id = admin.partner_id
       AND partner.email IS DISTINCT FROM current_setting('tenantry.email', true)
       AND current_setting('tenantry.email', true) <> ''
    RETURNING partner.id
)
DELETE FROM ir_attachment
 USING stranger
 WHERE res_model = 'res.partner'
   AND res_id = stranger.id
   AND res_field LIKE 'image%';

-- A contact is listed under the company it belongs to.
UPDATE res_partner AS partner
   SET name = named.name,
       complete_name = CASE
           WHEN partner.is_company IS NOT TRUE
                AND (partner.parent_id IS NOT NULL OR partner.company_name <> '')
           THEN COALESCE(partner.commercial_company_name || ', ', '') || named.name
           ELSE named.name
       END,
       email = COALESCE(NULLIF(current_setting('tenantry.email', true), ''), partner.email),
       lang = COALESCE(lang.code, partner.lang),
       tz = COALESCE(NULLIF(current_setting('tenantry.tz', true), ''), partner.tz),
       active = true,
       write_uid = 1,
       write_date = now() AT TIME ZONE 'UTC'
  FROM res_users AS admin
  JOIN res_partner AS current ON current.id = admin.partner_id
 CROSS JOIN LATERAL (
       SELECT COALESCE(NULLIF(btrim(current_setting('tenantry.admin_name', true)), ''), current.name)
       ) AS named (name)
  LEFT JOIN res_lang AS lang ON lang.code = current_setting('tenantry.lang', true) AND lang.active
 WHERE admin.id = current_setting('tenantry.admin_id')::integer
   AND partner.id = admin.partner_id;
