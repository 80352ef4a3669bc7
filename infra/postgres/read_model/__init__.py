"""The read model in PostgreSQL: its tables, version by version, and the views that people read."""
