def migrate(cr, version):
    """Several instances may claim a name; one has it, which an index sees to from now on."""
    cr.execute(
        "ALTER TABLE saas_instance_hostname DROP CONSTRAINT IF EXISTS saas_instance_hostname_name_unique"
    )
