"""Archives: the only format in which a database and its files are moved."""
