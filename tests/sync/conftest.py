"""How long a law may take: a shared machine is sometimes slow, and that is no failure. And an office to pull from."""

import pytest
from hypothesis import settings

from tests.sync.giving_out import Office

settings.register_profile("shared", deadline=None)
settings.load_profile("shared")


@pytest.fixture
def office() -> Office:
    """A server with a dispatcher, and jobs to give out."""
    return Office()
