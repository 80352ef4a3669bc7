"""Writing events: what an author may say that it knew."""

import pytest

from sync.author import Author, write
from sync.envelope import Unacceptable, parse
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


@pytest.mark.parametrize("text", ["\ud83d", "\ude00 alone", "\ude00\ud83d turned round", "a\x00b"])
@pytest.mark.parametrize("where", ["data", "reason"])
def test_b5_a_text_that_no_event_may_hold_is_refused_before_it_is_written(text: str, where: str) -> None:
    """Written, it would be refused by everybody who gets it, and so would what its author says next."""
    author = Author(replica=ADA)
    said = {"data": {"name": text}} if where == "data" else {"data": {}, "reason": text}
    told = {"id": "01900000-0000-7000-8000-000000000001", "entity_type": "site", "entity": new_id(), "type": "Edited"}
    with pytest.raises(Unacceptable) as refused:
        write(author, **told, **said, clock={}, now_ms=NOON)  # type: ignore[arg-type]
    assert refused.value.code == "bad_text"


@pytest.mark.parametrize("text", ["\U0001f600", "\\u0000", "\\ud83d"])
def test_b5_what_only_looks_like_such_a_text_is_written_as_it_is(text: str) -> None:
    told = {"id": "01900000-0000-7000-8000-000000000001", "entity_type": "site", "entity": new_id(), "type": "Edited"}
    _, raw = write(Author(replica=ADA), **told, data={"name": text}, clock={}, now_ms=NOON)  # type: ignore[arg-type]
    assert parse(raw).data == {"name": text}
