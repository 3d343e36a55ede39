import tomllib
from pathlib import Path

from odoo.tools import SQL
from psycopg2.extras import Json

_THEN = '<t t-set="then" t-value="object._after_end()"/>'
_DAY = "<t t-out=\"format_date(object._suspended_on(), date_format='long')\"/>"
_BUTTON = (
    't-call="saas_manager.mail_button"><t t-set="url" t-value="object.get_base_url() + \'/my\'"',
    't-if="object._account_url()" t-call="saas_manager.mail_button">'
    '<t t-set="url" t-value="object._account_url()"',
)
_SENTENCES = tomllib.loads(Path(__file__).with_name("what_mails_say.toml").read_text(encoding="utf-8"))


def changes(language):
    """What is replaced in the bodies of mails in that language, as pairs of old and new."""
    say = _SENTENCES.get(language, _SENTENCES["en_US"])
    trial, end, debt, deleted = (say[part] for part in ("trial", "end", "debt", "deleted"))
    yield (
        f"<p>{trial['before']}</p>",
        _lines(
            _THEN,
            f"<p t-if=\"then == 'continues'\">{trial['continues']}</p>",
            f"<p t-elif=\"then == 'if_paid'\">{trial['if_paid']}</p>",
            f'<p t-else="">{trial["ends"]}</p>',
            _deleted("then != 'continues' and ", deleted),
        ),
    )
    yield (
        f'<p t-if="object.auto_renew">{end["renewed"]}</p>',
        _lines(
            _THEN,
            f"<p t-if=\"then == 'continues'\">{end['renewed']}</p>",
            f"<p t-elif=\"then == 'if_paid'\">{end['due']}</p>",
        ),
    )
    yield (
        f'<p t-else="">{end["not_renewed"]}</p>',
        _lines(
            f'<p t-else="">{end["not_renewed"]} {end["otherwise"]} {_DAY}, {end["kept"]}</p>',
            _deleted("then == 'ends' and ", deleted),
        ),
    )
    yield (
        f"<p>{debt['before']}</p>",
        _lines(f"<p>{debt['works']} {_DAY}, {debt['then']}</p>", _deleted("", deleted)),
    )
    yield _BUTTON
    for at in ("object.reactivated_at", "object.terminated_at"):
        yield f"format_datetime({at}, tz=object.tz or 'UTC', dt_format='long')", f"object._moment({at})"


def _lines(*lines):
    return "\n            ".join(lines)


def _deleted(condition, words):
    days = '<t t-out="object._kept_days()"/>'
    return f'<p t-if="{condition}object._kept_days()">{words["after"]} {days} {words["days"]}</p>'


def migrate(cr, version):
    """Mails go to the customer or their administrator, lead where customers may go, and say what will happen.

    Templates are not updated, because operators may edit them: only our own sentences are replaced.
    """
    ours = SQL("SELECT res_id FROM ir_model_data WHERE module = 'saas_manager' AND model = 'mail.template'")
    before, now = "{{ object.partner_id.email_formatted }}", "{{ object._customer_address() }}"
    cr.execute(
        SQL("UPDATE mail_template SET email_to = %s WHERE email_to = %s AND id IN (%s)", now, before, ours)
    )
    cr.execute(SQL("SELECT id, body_html FROM mail_template WHERE id IN (%s)", ours))
    for template, bodies in cr.fetchall():
        changed = {language: _changed(language, body) for language, body in bodies.items()}
        if changed != bodies:
            cr.execute(SQL("UPDATE mail_template SET body_html = %s WHERE id = %s", Json(changed), template))


def _changed(language, body):
    for old, new in changes(language):
        body = (body or "").replace(old, new)
    return body
