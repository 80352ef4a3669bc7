"""How long a law may take: a shared machine is sometimes slow, and that is no failure."""

from hypothesis import settings

settings.register_profile("shared", deadline=None)
settings.load_profile("shared")
