-- Odoo's robot does not write to the customer, whose first page is their app.
UPDATE res_users
   SET odoobot_state = 'disabled'
 WHERE id = current_setting('tenantry.admin_id')::integer;
