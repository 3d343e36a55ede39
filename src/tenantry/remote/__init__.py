"""A master elsewhere, reached over its REST API: the login, the calls, what comes back."""
