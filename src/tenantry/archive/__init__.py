"""Archives: the one form in which a database and its files travel."""
