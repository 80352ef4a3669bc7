"""How the log is kept in PostgreSQL."""
