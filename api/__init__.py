"""How HTTP speaks."""
