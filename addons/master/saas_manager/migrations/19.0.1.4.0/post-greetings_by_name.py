import json
import re

_GREETING = re.compile(r'<t t-out="object\.partner_id\.name"\s*(?:/>|></t>),</p>')
_NAMES = {
    "saas.instance": "object._greeted(object.partner_id.email)",
    "saas.subscription": "object.instance_id._greeted(object.partner_id.email)",
}


def migrate(cr, version):
    """Mails begin with the name of their reader, who may be the administrator: in texts of operators, too."""
    cr.execute(
        """
        SELECT template.id, template.model, known.name, template.body_html
          FROM mail_template AS template
          JOIN ir_model_data AS known ON known.model = 'mail.template' AND known.res_id = template.id
         WHERE known.module = 'saas_manager' AND template.model IN ('saas.instance', 'saas.subscription')
        """
    )
    for template, model, name, bodies in cr.fetchall():
        is_ready = name == "mail_template_instance_provisioned"
        greeted = "object._greeted(object.admin_email)" if is_ready else _NAMES[model]
        texts = {lang: _GREETING.sub(f'<t t-out="{greeted}"/>,</p>', text) for lang, text in bodies.items()}
        cr.execute("UPDATE mail_template SET body_html = %s WHERE id = %s", [json.dumps(texts), template])
