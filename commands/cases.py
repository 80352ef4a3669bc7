"""A case for every event that is set aside, opened in the append that sets it aside."""

import uuid
from typing import Final

from commands.judge import judge_for
from sync.log import Changes, Known
from sync.office import Office, OfficeDesk, Saying
from sync.rows import QuarantinedRow
from sync.together import after, one_after_another
from sync.verdict import case_of

CASE: Final = "case"
_TEXT_MAX: Final = 8_000
_CASES: Final = uuid.UUID("5f0c1a52-7f6e-5d0b-9d0e-6c0a5f3f2b11")
"""Where the ids of cases are derived from, so that a case is found by what people call it."""


def entity_of(replica: str, seq: int) -> str:
    """The id of the entity that is the case of an event."""
    return str(uuid.uuid5(_CASES, case_of(replica, seq)))


def with_cases(changes: Changes, known: Known, *, office: Office, now_ms: int) -> Changes:
    """The same changes, with a case opened for all that they set aside.

    `known` is what they were decided on; its replicas include the office's. Raises office.OfficeUnknown.
    """
    if not changes.quarantined:
        return changes
    desk = OfficeDesk(after(known, changes), office, judge_for("integration"), office.person, now_ms)
    for row in changes.quarantined:
        desk.tell(opening(row), office.person)
    return one_after_another([changes, desk.decided()])


def opening(row: QuarantinedRow) -> Saying:
    """What is said when an event is set aside; its content stays where it is, and is not said again."""
    return Saying(
        CASE,
        entity_of(row.replica, row.seq),
        "CaseOpened",
        {
            "replica": row.replica,
            "seq": row.seq,
            "author_id": row.actor,
            "code": row.code,
            "text": row.detail[:_TEXT_MAX],
        },
    )
