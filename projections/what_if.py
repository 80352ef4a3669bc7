"""What would have become of past conflicts had a field another merge policy: the log is folded again, and nothing is
written.

Which writes meet is decided by who knew of what, and no policy changes that. A policy decides what is shown when they
have met, and whether a person is asked: so both policies are asked of the same writes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from domain.entity import EntityType
from domain.merge_policy import Ask, Latest, MergePolicy, Once
from sync import merge
from sync.merge import Dot, Write
from sync.plan import Kind, kind_of
from sync.recorded import read
from sync.rows import EventRow
from sync.shown import standing

POLICIES: Final[Mapping[str, MergePolicy]] = {"latest": Latest(), "ask": Ask(), "once": Once()}
"""The policies that a field of one value can be tried with, by what people call them."""


class Outcome(NamedTuple):
    """What a policy makes of writes that met."""

    shown: Any
    asks: bool
    """Whether a person is asked."""


class Meeting(NamedTuple):
    """Writes of several people to one field, none of whom knew of the others."""

    entity: str
    position: int
    """Of the event by which the last of them met the others."""
    sides: Sequence[Dot]
    written: Sequence[Any]
    """In the order of `sides`."""
    now: Outcome
    """With the policy that is declared."""
    then: Outcome
    """With the other."""
    decided: Any
    """What somebody wrote who had seen them all."""
    is_decided: bool

    @property
    def goes_otherwise(self) -> bool:
        """Whether the other policy shows another value meanwhile, or asks where the declared one does not, or not."""
        return self.now != self.then

    @property
    def is_against_the_decision(self) -> bool:
        """Whether nobody would have been asked, and what is shown is not what people decided when they were."""
        return self.is_decided and self.now.asks and not self.then.asks and self.then.shown != self.decided


def may_be_tried(entity: EntityType) -> list[str]:
    """The fields whose policy can be tried: those of one value that are no status."""
    return [
        name
        for name, field in entity.fields.items()
        if name != "archived"
        and kind_of(field.policy) is Kind.REGISTER
        and isinstance(field.policy, Ask | Latest | Once)
    ]


def meetings(history: Iterable[EventRow], field: str, now: MergePolicy, then: MergePolicy) -> list[Meeting]:
    """Every time that writes of this field met in the history of one entity, in the order of the log."""
    found: list[Meeting] = []
    state: merge.State | None = None
    met: Meeting | None = None
    for row in history:
        state = merge.apply(state or merge.empty(row.entity_type), read(row.body), row.effective)
        writes: tuple[Write, ...] = state.cells.get(field, ())
        if len(writes) > 1:
            if met is None or {write[:2] for write in writes} != set(met.sides):
                met = _met(row, writes, now, then)
        elif met is not None:
            decision = next(iter(writes))  # a register that was written holds one write at least
            found.append(met._replace(decided=decision.value, is_decided=True))
            met = None
    return found if met is None else [*found, met]


def _met(row: EventRow, writes: Sequence[Write], now: MergePolicy, then: MergePolicy) -> Meeting:
    ordered = sorted(writes, key=lambda write: write[:2])
    return Meeting(
        entity=row.entity,
        position=row.position,
        sides=[write[:2] for write in ordered],
        written=[write.value for write in ordered],
        now=_outcome(tuple(ordered), now),
        then=_outcome(tuple(ordered), then),
        decided=None,
        is_decided=False,
    )


def _outcome(writes: tuple[Write, ...], policy: MergePolicy) -> Outcome:
    is_asking = isinstance(policy, Ask | Once) and any(write.value != writes[0].value for write in writes)
    return Outcome(standing(policy, writes, None).value, is_asking)
