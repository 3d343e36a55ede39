"""What does not run is neither healthy nor in trouble; suspended instances used to keep their last health."""


def migrate(cr, version):
    cr.execute(
        "UPDATE saas_instance SET health = 'unknown', health_message = NULL"
        " WHERE state != 'active' AND health != 'unknown'"
    )
