"""How a database of any age becomes the one that `infra/postgres/schema.py` describes."""
