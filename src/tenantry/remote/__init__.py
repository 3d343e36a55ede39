"""A remote master, used through its REST API: the login, the calls, the results."""
