"""Harbour Town: the demo that an empty database is filled with."""
