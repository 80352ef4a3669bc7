"""How the world is touched."""
