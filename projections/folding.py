"""A page of the log becomes changes of tables: every entity that it touches is folded once for all projections.

Nothing here is remembered from page to page but what is handed in, so the tables at any position are the fold of the
log up to there, whichever pages it was read in. What cannot be folded stops its entity and nothing else.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from domain.catalogue import ENTITIES
from projections.projection import Key, Mark, OfEntities, OfEvents, OfReplicas, Projection, Row, Subject, Told
from sync import merge
from sync.hybrid_clock import ms_of
from sync.merge import State, made
from sync.recorded import read
from sync.rows import EventRow


@dataclass(frozen=True, slots=True)
class Changes:
    """What becomes of tables: by the table's name, rows whose key no row has had yet, rows that are written in place of
    one with the same key, and keys of rows that go."""

    added: dict[str, list[Row]] = field(default_factory=dict[str, list[Row]])
    written: dict[str, list[Row]] = field(default_factory=dict[str, list[Row]])
    gone: dict[str, list[Key]] = field(default_factory=dict[str, list[Key]])


class Poisoned(NamedTuple):
    """An event that a projection cannot take in."""

    entity: str
    position: int
    why: str


class Folded(NamedTuple):
    """What events of some entities make of what was known."""

    changes: Changes
    """Of what is shown of these entities, and of their events."""
    subjects: Mapping[str, Subject]
    """These entities, as they are now."""
    poisoned: Sequence[Poisoned]
    """The first event of each entity that cannot be taken in; of those entities nothing from there on is in."""


NOTHING: Final[Mapping[str, Subject]] = {}


@dataclass(frozen=True, slots=True)
class Group:
    """Projections that are fed by one scan of the log, and so are always at the same position."""

    of_entities: Mapping[str, Sequence[OfEntities]]
    """By entity type."""
    of_events: Sequence[OfEvents]
    of_replicas: Sequence[OfReplicas]

    @staticmethod
    def of(projections: Sequence[Projection]) -> "Group":
        """The group of these."""
        shown = [each for each in projections if isinstance(each, OfEntities)]
        return Group(
            {name: [each for each in shown if name in each.types] for name in ENTITIES},
            [each for each in projections if isinstance(each, OfEvents)],
            [each for each in projections if isinstance(each, OfReplicas)],
        )


def fold(
    by_entity: Mapping[str, Sequence[EventRow]], group: Group, *, known: Mapping[str, Subject] = NOTHING
) -> Folded:
    """What these events, of each entity in the order of the log, change; `known` are the entities as they were."""
    changes, subjects, poisoned = Changes(), dict[str, Subject](), list[Poisoned]()
    for entity, rows in by_entity.items():
        shown, poison = _shown(rows, known.get(entity), group)
        if poison:
            poisoned.append(poison)
        if shown is not None:
            subjects[entity] = shown.subject
            _add(changes, shown)
    return Folded(changes, subjects, poisoned)


def by_entity(page: Sequence[EventRow], parked: Set[str]) -> dict[str, list[EventRow]]:
    """The events of field service in a page by their entities, but those that are parked; each in its order."""
    found: dict[str, list[EventRow]] = {}
    for row in page:
        if row.entity_type in ENTITIES and row.entity not in parked:
            found.setdefault(row.entity, []).append(row)
    return found


class _Shown(NamedTuple):
    """What events have made of one entity, and how that changes the tables, by their names."""

    subject: Subject
    added: list[tuple[str, Sequence[Row]]]
    written: list[tuple[str, Sequence[Row]]]
    gone: list[tuple[str, Sequence[Key]]]


def _add(changes: Changes, shown: _Shown) -> None:
    for all_of_them, of_this_one in (
        (changes.added, shown.added),
        (changes.written, shown.written),
        (changes.gone, shown.gone),
    ):
        for name, rows in of_this_one:
            if name in all_of_them:
                all_of_them[name] += rows
            else:
                all_of_them[name] = [*rows]


def _shown(rows: Sequence[EventRow], before: Subject | None, group: Group) -> tuple[_Shown | None, Poisoned | None]:
    """As many of one entity's events as can be taken in, and the first that cannot be."""
    try:
        return _taken_in(rows, before, group), None
    except Exception:  # whatever it is, it may stop this entity and nothing else
        return _as_far_as_possible(rows, before, group)


def _as_far_as_possible(
    rows: Sequence[EventRow], before: Subject | None, group: Group
) -> tuple[_Shown | None, Poisoned]:
    shown: _Shown | None = None
    for count, row in enumerate(rows, start=1):
        try:
            shown = _taken_in(rows[:count], before, group)
        except Exception as why:  # the same again, and this time it is known which event it was
            return shown, Poisoned(row.entity, row.position, f"{type(why).__name__}: {why}")
    raise AssertionError("what failed as a whole fails at one of its events")


def _taken_in(rows: Sequence[EventRow], before: Subject | None, group: Group) -> _Shown:
    told, after = _merged(rows, before)
    return _changes(group, told, before, after)


def folded_again(rows: Sequence[EventRow]) -> Subject:
    """One entity as these events of it, from its first one on, have made it."""
    return _merged(rows, None)[1]


def _merged(rows: Sequence[EventRow], before: Subject | None) -> tuple[list[Told], Subject]:
    told: list[Told] = []
    reached = before.changed.version if before else 0
    assert rows[0].version == reached + 1, f"version {rows[0].version} comes where {reached + 1} is the next"
    state: State = before.state if before else merge.empty(rows[0].entity_type)
    for row in rows:
        event = read(row.body)
        state = merge.apply(state, event, row.effective)
        told.append(made(Told, (row, event)))
    last = rows[-1]
    changed = mark_of(last)
    created = before.created if before else changed if len(rows) == 1 else mark_of(rows[0])
    return told, Subject(last.entity, last.scope, state, created, changed)


def mark_of(row: EventRow) -> Mark:
    """An event as what made or changed something."""
    return Mark(row.position, row.version, ms_of(row.effective), row.recorded_at_ms, row.actor)


def _changes(group: Group, told: Sequence[Told], before: Subject | None, after: Subject) -> _Shown:
    shown = _Shown(after, [(each.name, [each.row(event) for event in told]) for each in group.of_events], [], [])
    for each in group.of_entities[after.type]:
        if before is not None and not each.has_one_row:
            _compare(shown, each, before)
        elif rows := each.rows(after):
            (shown.written if before else shown.added).append((each.name, rows))
    return shown


def _compare(shown: _Shown, projection: OfEntities, before: Subject) -> None:
    there = {projection.key_of(row): row for row in projection.rows(before)}
    wanted = {projection.key_of(row): row for row in projection.rows(shown.subject)}
    if added := [row for key, row in wanted.items() if key not in there]:
        shown.added.append((projection.name, added))
    if written := [row for key, row in wanted.items() if key in there and there[key] != row]:
        shown.written.append((projection.name, written))
    if gone := [key for key in there if key not in wanted]:
        shown.gone.append((projection.name, gone))


def of_replicas(group: Group, page: Sequence[EventRow]) -> Changes:
    """What replicas are shown as: of each the newest event that can be read, whether or not its entity is parked."""
    by_replica: dict[str, list[EventRow]] = {}
    for row in page:
        if row.entity_type in ENTITIES:
            by_replica.setdefault(row.replica, []).append(row)
    newest = [told for rows in by_replica.values() if (told := _newest(rows))]
    return Changes(written={each.name: [each.row(told) for told in newest] for each in group.of_replicas if newest})


def _newest(rows: Sequence[EventRow]) -> Told | None:
    for row in sorted(rows, key=lambda row: row.seq, reverse=True):
        try:
            return Told(row, read(row.body))
        except Exception:  # noqa: S112  # whoever folds its entity says what is wrong with it
            continue
    return None
