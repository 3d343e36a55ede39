_OPERATIONS = (
    *("provision", "suspend", "expire", "reactivate", "terminate", "stop", "start", "restart", "rename"),
    *("set_domains", "install"),
)


def migrate(cr, version):
    """An operation is the argument of one job method, no method of its own: so are those that wait."""
    cr.execute(
        """
        UPDATE queue_job
           SET method_name = '_operate',
               args = jsonb_build_array(substr(method_name, 2)),
               identity_key = replace(identity_key, method_name, substr(method_name, 2))
         WHERE model_name = 'saas.instance' AND method_name = ANY(%s)
        """,
        [[f"_{name}" for name in _OPERATIONS]],
    )
