-- The administrator is also an employee, whose name, address and time zone Odoo copies from the user.
UPDATE resource_resource AS resource
   SET name = partner.name,
       tz = COALESCE(NULLIF(partner.tz, ''), resource.tz)
  FROM hr_employee AS employee
  JOIN res_users AS admin ON admin.id = employee.user_id
  JOIN res_partner AS partner ON partner.id = admin.partner_id
 WHERE admin.id = current_setting('tenantry.admin_id')::integer
   AND resource.id = employee.resource_id;

UPDATE hr_employee AS employee
   SET name = partner.name,
       work_email = partner.email
  FROM res_users AS admin
  JOIN res_partner AS partner ON partner.id = admin.partner_id
 WHERE admin.id = current_setting('tenantry.admin_id')::integer
   AND employee.user_id = admin.id;
