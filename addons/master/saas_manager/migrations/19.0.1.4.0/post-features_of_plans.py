_SHIPPED = [
    f"<ul><li>{users} users</li><li>{storage} GB of storage</li></ul>"
    for users, storage in ((5, 10), (15, 50), (50, 200))
]


def migrate(cr, version):
    """The plans that we shipped repeated their limits by hand; limits are now shown by themselves."""
    cr.execute("UPDATE saas_plan SET features = NULL WHERE features->>'en_US' = ANY(%s)", [_SHIPPED])
