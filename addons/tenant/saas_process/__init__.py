"""The code of a tenant's process: a server-wide module that is installed in no database."""
