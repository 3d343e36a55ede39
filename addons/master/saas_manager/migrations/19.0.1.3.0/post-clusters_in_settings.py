from odoo import SUPERUSER_ID, api

_NOTE = (
    "Its cluster and its files were named here, which had no effect. Name them in settings.toml, give this"
    " server their name there as its address, and activate it."
)


def migrate(cr, version):
    """A server's cluster and files are set in settings.toml only; tell operators who set them on the record.

    Such a server got no instances, and without an address it would now be the installation's own.
    """
    env = api.Environment(cr, SUPERUSER_ID, {"tracking_disable": True})
    cr.execute("SELECT id FROM saas_server WHERE concat(dsn_sealed, filestore_root) != ''")
    for server in env["saas.server"].browse(row[0] for row in cr.fetchall()):
        if server.state == "active" and not server.address:
            server.action_maintenance()
        server.message_post(body=_NOTE)
