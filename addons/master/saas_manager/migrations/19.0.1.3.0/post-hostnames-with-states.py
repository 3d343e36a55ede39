def migrate(cr, version):
    """What an instance that lives was given is served since, unless a job is still to tell the engine."""
    cr.execute(
        """
        UPDATE saas_instance_hostname AS hostname
           SET state = 'live', state_at = hostname.write_date
          FROM saas_instance AS instance
         WHERE instance.id = hostname.instance_id AND instance.state IN ('active', 'suspended', 'expired')
           AND instance.operation IS DISTINCT FROM 'set_domains'
        """
    )
