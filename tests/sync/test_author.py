"""Writing events: what an author may say that it knew."""

import pytest

from sync.author import Author, write
from sync.envelope import parse
from tests.devices import NOON, new_id, replica_named

ADA, BEN = replica_named("ada"), replica_named("ben")


@pytest.mark.parametrize(
    ("seq", "known", "said"),
    [
        (0, {ADA: 3, BEN: 9}, {BEN: 9}),
        (2, {ADA: 3}, {ADA: 2}),
        (3, {ADA: 3}, {ADA: 3}),
        (4, {ADA: 3}, {ADA: 3}),
    ],
)
def test_a5_what_a_clone_wrote_under_our_name_and_later_numbers_is_left_out_of_the_clock(
    seq: int, known: dict[str, int], said: dict[str, int]
) -> None:
    """Else an edit of somebody whose twin was heard first would be refused on their own device."""
    author = Author(replica=ADA, seq=seq, prev="0" * 64 if seq else None)
    told = {"id": "01900000-0000-7000-8000-000000000001", "entity_type": "site", "entity": new_id(), "type": "Archived"}
    _, raw = write(author, **told, data={}, clock=known, now_ms=NOON)  # type: ignore[arg-type]
    assert parse(raw).clock == said
