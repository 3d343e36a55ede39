_BEFORE = "{{ object.company_id.email_formatted or user.email_formatted }}"
_NOW = "{{ object._mail_sender() }}"


def migrate(cr, version):
    """Mails come from the provider's address; templates are not updated, because operators may edit them."""
    cr.execute(
        """
        UPDATE mail_template SET email_from = %s
         WHERE email_from = %s
           AND id IN (SELECT res_id FROM ir_model_data
                       WHERE module = 'saas_manager' AND model = 'mail.template')
        """,
        [_NOW, _BEFORE],
    )
