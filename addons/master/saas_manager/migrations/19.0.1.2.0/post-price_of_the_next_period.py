from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Show the next period's price in the mail about a subscription's end, even if operators edited it."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    template = env.ref("saas_manager.mail_template_subscription_expiring", raise_if_not_found=False)
    if template:
        template.flush_recordset()
        cr.execute(
            """
            UPDATE mail_template
               SET body_html = replace(replace(replace(body_html::text,
                       'object.price', 'object.next_price'),
                       'object.currency_id', 'object.next_currency_id'),
                       'object.period ==', '(object.next_period or object.period) ==')::jsonb
             WHERE id = %s
            """,
            [template.id],
        )
        template.invalidate_recordset()
