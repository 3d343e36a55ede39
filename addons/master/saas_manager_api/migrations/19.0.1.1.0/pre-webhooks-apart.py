from odoo.tools import SQL


def migrate(cr, version):
    """Webhooks are now an addon of their own: give it the records that this update would delete otherwise."""
    cr.execute(
        r"""
        UPDATE ir_model_data SET module = 'saas_manager_webhook'
         WHERE module = 'saas_manager_api' AND (name LIKE '%saas\_webhook%' OR name LIKE '%resume\_webhooks%')
        """
    )
    for table in ("ir_model_constraint", "ir_model_relation"):
        cr.execute(
            SQL(
                """
                UPDATE %s it SET module = theirs.id
                  FROM ir_module_module ours, ir_module_module theirs, ir_model model
                 WHERE ours.name = 'saas_manager_api' AND theirs.name = 'saas_manager_webhook'
                   AND it.module = ours.id AND it.model = model.id AND model.model LIKE 'saas.webhook%%'
                """,
                SQL.identifier(table),
            )
        )
