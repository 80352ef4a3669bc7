"""How the database of the old application becomes events."""
