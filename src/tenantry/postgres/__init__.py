"""PostgreSQL: an embedded or a given cluster, its databases, roles, locks and client programs."""
