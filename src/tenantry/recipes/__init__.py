"""The recipes Tenantry ships (T6); an operator's own ones are in TENANTRY_HOME/recipes."""
