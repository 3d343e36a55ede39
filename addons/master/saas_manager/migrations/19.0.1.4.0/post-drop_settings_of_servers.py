"""How a server reaches its container engine is set in settings.toml; these fields never had an effect."""


def migrate(cr, version):
    for column in ("docker_host", "docker_image", "kubernetes_context", "kubernetes_namespace"):
        cr.execute(f"ALTER TABLE saas_server DROP COLUMN IF EXISTS {column}")  # pylint: disable=sql-injection
