"""A server's settings are in settings.toml, and its token beside it: these fields never had an effect."""

COLUMNS = (
    *("docker_host", "docker_image", "kubernetes_context", "kubernetes_namespace"),
    *("railway_project", "railway_token_sealed"),
)


def migrate(cr, version):
    for column in COLUMNS:
        cr.execute(f"ALTER TABLE saas_server DROP COLUMN IF EXISTS {column}")  # pylint: disable=sql-injection
