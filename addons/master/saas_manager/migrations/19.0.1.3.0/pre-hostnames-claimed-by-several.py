def migrate(cr, version):
    """Several instances may ask for the same name. Only one can have it, which a new index enforces."""
    cr.execute(
        "ALTER TABLE saas_instance_hostname DROP CONSTRAINT IF EXISTS saas_instance_hostname_name_unique"
    )
