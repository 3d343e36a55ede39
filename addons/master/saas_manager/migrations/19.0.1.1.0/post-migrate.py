from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Send the confirmation mail to any address: it no longer shows names that a stranger typed."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    template = env.ref("saas_manager.mail_template_verify_email", raise_if_not_found=False)
    if template and ("customer_name" in template.body_html or "company_name" in template.body_html):
        template.reset_template()
