def migrate(cr, version):
    """Host names of existing instances are served already: mark them as live."""
    cr.execute(
        """
        UPDATE saas_instance_hostname AS hostname
           SET state = 'live', state_at = hostname.write_date
          FROM saas_instance AS instance
         WHERE instance.id = hostname.instance_id AND instance.state IN ('active', 'suspended', 'expired')
        """
    )
