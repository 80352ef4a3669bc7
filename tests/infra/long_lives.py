"""As if few events were a long life: milestones are made, and looked for, after so many."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from infra import milestones as service
from infra.postgres import milestones as keeping
from infra.postgres.read_model import as_of as boards_as_of
from sync import as_of, milestones
from sync.milestones import way_of_folding


@contextmanager
def milestone_every(events: int) -> Iterator[None]:
    """For as long as the block."""
    with pytest.MonkeyPatch.context() as patched:
        for module in (milestones, as_of, boards_as_of, keeping, service):
            patched.setattr(module, "MILESTONE_EVERY", events)
        way_of_folding.cache_clear()
        yield
    way_of_folding.cache_clear()
