def migrate(cr, version):
    """What an instance that lives was given is served since; what another one shall have is still to be."""
    cr.execute(
        """
        UPDATE saas_instance_hostname AS hostname
           SET state = 'live', state_at = hostname.write_date
          FROM saas_instance AS instance
         WHERE instance.id = hostname.instance_id AND instance.state IN ('active', 'suspended', 'expired')
        """
    )
