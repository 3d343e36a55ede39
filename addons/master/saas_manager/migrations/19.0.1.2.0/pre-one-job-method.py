_OPERATIONS = (
    *("provision", "suspend", "expire", "reactivate", "terminate", "stop", "start", "restart", "rename"),
    *("set_domains", "install"),
)


def migrate(cr, version):
    """Rewrite waiting jobs: the operation is now an argument of one job method, not a method."""
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
