def sanitize_script(series, modules): return "select 1"
def customize_script(series, modules): return "select 1"
def customer_admin_script(series, modules): return "update res_users set login=current_setting('tenantry.email'), password=current_setting('tenantry.admin_password_hash') where login='admin'"
