def migrate(cr, version):
    """Until now everybody could see each plan and each template."""
    cr.execute("UPDATE saas_plan SET is_shown = true")
    cr.execute("UPDATE saas_template SET is_shown = true")
