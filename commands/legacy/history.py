"""Rows become events, in the order in which things happened and with the times that the old data give them.

First come the things that others refer to (people, parts, customers, sites, assets), in the order of the old tables;
then the jobs with all that belongs to them, by time. No step is invented: what the old data do not say is not said.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from commands.judge import judge_move
from commands.legacy.identity import entity_id, event_id, replica_id
from commands.legacy.mapping import KEYS, TABLES
from commands.legacy.reading import Key, Known, Reading, key_of
from commands.legacy.row import Aside, Read, Row, RowSetAside, read, shown
from commands.legacy.times import ms_of_instant
from sync import hybrid_clock, merge
from sync.envelope import Event, Unacceptable, parse, spell
from sync.merge import State

Rows = Callable[[str], Iterable[tuple[int, Row]]]
"""The rows of a table, each with its number in the file; nothing where there is no such table."""

ONE_STEP: Final = "Imported: the old application closed a job in one step."
NO_TIME: Final = "Imported: the old application kept the status of a job, but not since when."
FIRST, PLANNED, MOVED, ARRIVED, FOUND, FINISHED, ENDED = range(7)
"""What comes first among events of the same moment."""


class Draft(NamedTuple):
    """One event before it is authored."""

    id: str
    table: str
    key: Key
    entity_type: str
    entity: str
    type: str
    data: dict[str, Any]
    at: str
    reason: str | None


class _Told(NamedTuple):
    """A fact of a row, before its place in the story is known."""

    kind: str
    """The entity type."""
    entity: str
    type: str
    data: dict[str, Any]
    ms: int | None
    phase: int = FIRST
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a database tells: the events in order, and what became of every row."""

    drafts: tuple[Draft, ...]
    asides: tuple[Aside, ...]
    imported: Mapping[str, int]
    set_aside: Mapping[str, int]
    originals: tuple[tuple[str, Key, Row], ...]
    """Every row of which something was set aside, as it was."""
    notes_before_opening: int
    """How many notes are older than their job: many of them mean that times were read in a wrong zone."""


def tell(rows: Rows, *, source: str, reading: Reading) -> History:
    """The history that the tables of the old application tell; `settings` is what `reading` was made from."""
    return _Historian(source, reading).tell(rows)


@dataclass(slots=True)
class _Historian:
    source: str
    reading: Reading
    known: dict[tuple[str, Key], Known | None] = field(default_factory=dict[tuple[str, Key], Known | None])
    told: list[tuple[tuple[int, int, int], str, Key, _Told]] = field(
        default_factory=list[tuple[tuple[int, int, int], str, Key, _Told]]
    )
    asides: list[Aside] = field(default_factory=list[Aside])
    imported: Counter[str] = field(default_factory=Counter[str])
    set_aside: Counter[str] = field(default_factory=Counter[str])
    originals: list[tuple[str, Key, Row]] = field(default_factory=list[tuple[str, Key, Row]])
    visited: set[tuple[Key | None, Key | None]] = field(default_factory=set[tuple[Key | None, Key | None]])
    notes_before_opening: int = 0

    def tell(self, rows: Rows) -> History:
        self.reading = replace(self.reading, rows=self.known)
        self.visited = {(key_of(row.get("job_id")), key_of(row.get("staff_id"))) for _, row in rows("visits")}
        for stage, table in enumerate(TABLES[1:]):
            for key, row in keyed(table, rows(table)):
                self._take(stage, table, key, row)
        return History(
            drafts=tuple(self._drafts()),
            asides=tuple(self.asides),
            imported=self.imported,
            set_aside=self.set_aside,
            originals=tuple(self.originals),
            notes_before_opening=self.notes_before_opening,
        )

    def _take(self, stage: int, table: str, key: Key, row: Row) -> None:
        try:
            found = read(table, key, row, self.reading)
            told = list(self._facts(found))
            _rehearse(told)
        except (RowSetAside, Unacceptable) as why:
            column = why.column if isinstance(why, RowSetAside) else None
            value = shown(row.get(column)) if column else "the whole row"
            self.asides.append(Aside(table, key, column, str(why), value, "row"))
            self.set_aside[table] += 1
            self.originals.append((table, key, row))
            self.known[table, key] = None
            return
        self.imported[table] += 1
        self.known[table, key] = Known(entity=told[0].entity, ms=told[0].ms)
        if found.asides:
            self.asides += found.asides
            self.originals.append((table, key, row))
        self.told += [(self._place(stage, found, each), table, key, each) for each in told]

    def _place(self, stage: int, found: Read, told: _Told) -> tuple[int, int, int]:
        """Where a fact stands in the story; nothing about a job comes before the job."""
        jobs = TABLES.index("jobs") - 1
        if stage < jobs:
            return stage, 0, 0
        job = self.known.get(("jobs", found.key if found.table == "jobs" else key_of(found.row.get("job_id")) or ""))
        opened = job.ms if job else told.ms
        return jobs, max(told.ms or 0, opened or 0), told.phase

    def _facts(self, found: Read) -> Iterator[_Told]:
        match found.table:
            case "staff":
                yield self._creation(found, "person", None)
            case "parts":
                part = self._creation(found, "part", None)
                if "unit_cost" in part.data and self.reading.currency:
                    part.data["currency"] = self.reading.currency
                yield part
            case "clients":
                yield from self._customer(found)
            case "locations":
                yield self._site(found)
            case "equipment":
                yield self._creation(found, "asset", self._ms_of("locations", found, "location_id"))
            case "jobs":
                yield from self._job(found)
            case "visits":
                yield from self._visit(found)
            case "notes":
                note = self._evidence(found, "note", "NoteWritten", "note.written_at")
                opened = self._ms_of("jobs", found, "job_id")
                self.notes_before_opening += (note.ms or 0) < (opened or 0)
                yield note
            case "part_use":
                yield self._evidence(found, "part_use", "PartUsed", "part_use.used_at")
            case _:
                yield self._evidence(found, "attachment", "PhotoAttached", "attachment.taken_at")

    def _id(self, found: Read, kind: str) -> str:
        return entity_id(self.source, found.table, found.key, kind)

    def _ms_of(self, table: str, found: Read, column: str) -> int | None:
        """The moment that a row falls back on when it has no time of its own: its parent's."""
        key = key_of(found.row.get(column))
        parent = self.known.get((table, key)) if key is not None else None
        return parent.ms if parent else None

    def _creation(self, found: Read, kind: str, ms: int | None) -> _Told:
        return _Told(kind, self._id(found, kind), "Created", found.data(kind, "Created"), ms)

    def _customer(self, found: Read) -> Iterator[_Told]:
        ms = ms_of_instant(found.field("Created", "customer.at"))
        customer = self._creation(found, "customer", ms)
        reachable = found.data("contact", "Created")
        if not reachable:
            yield customer
            return
        contact = self._id(found, "contact")
        yield customer._replace(data={**customer.data, "contacts": {"add": [contact]}})
        named = {"customer_id": customer.entity, "name": customer.data["name"], **reachable}
        yield _Told("contact", contact, "Created", named, ms)

    def _site(self, found: Read) -> _Told:
        lat, lon = (found.field("Created", f"site.position.{part}") for part in ("lat", "lon"))
        if (lat, lon) == (0, 0):
            found.unsay("lat", "0, 0 is in the Atlantic: nobody knew the place")
            found.unsay("lng", "0, 0 is in the Atlantic: nobody knew the place")
        elif (lat is None) != (lon is None):
            found.unsay("lng" if lat is None else "lat", "a place needs both lat and lng")
        site = self._creation(found, "site", self._ms_of("clients", found, "client_id"))
        if "position" in site.data:
            site.data["position"]["source"] = "import"
        return site

    def _job(self, found: Read) -> Iterator[_Told]:
        opened_at = found.field("WorkOrderOpened", "work_order.opened_at")
        opened = ms_of_instant(opened_at)
        if opened is None:
            opened = self._ms_of("clients", found, "client_id")
        status = found.field("moves", "work_order.status") or "open"
        closed = self._closing(found, opened_at, status)
        planned = self._assignment(found, opened, status)
        entity, data = self._id(found, "work_order"), found.data("work_order", "Created")

        def move(type_: str, data: dict[str, Any], ms: int | None, phase: int, reason: str | None = None) -> _Told:
            return _Told("work_order", entity, type_, data, ms, phase, reason)

        yield move("Created", data, opened, FIRST)
        yield move("WorkOrderOpened", found.data("work_order", "WorkOrderOpened"), opened, FIRST)
        yield from planned
        resolution = found.data("work_order", "WorkOrderCompleted")
        match status:
            case "scheduled":
                yield move("WorkOrderScheduled", {}, opened, MOVED, NO_TIME)
            case "in_progress":
                yield move("WorkOrderStarted", {}, opened, MOVED, NO_TIME)
            case "on_hold":
                yield move("WorkOrderPutOnHold", {}, opened, MOVED, NO_TIME)
            case "closed":
                at = found.data("work_order", "WorkOrderClosed")
                ms = opened if closed is None else closed
                completed = {"completed_at": at["closed_at"]} if at else {}
                yield move("WorkOrderCompleted", {**completed, **resolution}, ms, ENDED)
                yield move("WorkOrderApproved", {}, ms, ENDED, ONE_STEP)
                yield move("WorkOrderClosed", at, ms, ENDED, ONE_STEP)
                return
            case "cancelled":
                said = resolution.get("resolution") or "Cancelled in the old application."
                yield move("WorkOrderCancelled", {"cancel_reason": said}, opened if closed is None else closed, ENDED)
                return
            case _:
                pass
        if resolution:
            yield move("Edited", resolution, opened, MOVED, NO_TIME)

    def _closing(self, found: Read, opened_at: str | None, status: str) -> int | None:
        """When the job was closed, if that can be."""
        closed_at = found.field("WorkOrderClosed", "work_order.closed_at")
        if closed_at is None:
            return None
        if status not in ("closed", "cancelled"):
            found.unsay("closed", f"the job is not closed: its status is {shown(found.row.get('status'))}")
            return None
        if opened_at is not None and closed_at < opened_at:
            found.unsay("closed", "lies before the opening: a clock was wrong, and nobody knows when it was closed")
            return None
        return ms_of_instant(closed_at)

    def _assignment(self, found: Read, opened: int | None, status: str) -> list[_Told]:
        """A visit that only the job knows of: its person is sent there, and has not been."""
        person = found.said.pop(("VisitPlanned", "visit.assignee_id"), None)
        if person is None or (found.key, key_of(found.row.get("assigned_to"))) in self.visited:
            return []
        if status in ("closed", "cancelled"):
            found.said["Created", "work_order.custom.legacy.assigned_to"] = str(found.row["assigned_to"])
            return []
        visit, data = self._id(found, "visit"), {"work_order_id": self._id(found, "work_order"), "assignee_id": person}
        return [_Told("visit", visit, "VisitPlanned", data, opened, PLANNED)]

    def _visit(self, found: Read) -> Iterator[_Told]:
        arrived_at = found.field("VisitArrived", "visit.arrived_at")
        finished_at = found.field("VisitFinished", "visit.finished_at")
        outcome = found.field("VisitFinished", "visit.outcome")
        if arrived_at and finished_at and finished_at < arrived_at:
            found.unsay("left", "lies before the arrival: a clock was wrong")
            finished_at = None
        elif finished_at and outcome is None:
            found.unsay("left", "a visit that is done has an outcome, and none is told")
            finished_at = None
        if outcome and not finished_at:
            found.unsay("outcome", "the visit has no time of leaving")
        opened, arrived, finished = self._ms_of("jobs", found, "job_id"), *map(ms_of_instant, (arrived_at, finished_at))
        known = [ms for ms in (opened, arrived, finished) if ms is not None]
        visit = self._id(found, "visit")
        yield _Told(
            "visit", visit, "VisitPlanned", found.data("visit", "VisitPlanned"), min(known, default=None), PLANNED
        )
        if arrived_at:
            yield _Told("visit", visit, "VisitArrived", found.data("visit", "VisitArrived"), arrived, ARRIVED)
        if finished_at:
            yield _Told("visit", visit, "VisitFinished", found.data("visit", "VisitFinished"), finished, FINISHED)

    def _evidence(self, found: Read, kind: str, fact: str, when: str) -> _Told:
        ms = ms_of_instant(found.field(fact, when))
        if ms is None:
            ms = self._ms_of("jobs", found, "job_id")
        return _Told(kind, self._id(found, kind), fact, found.data(kind, fact), ms, FOUND)

    def _drafts(self) -> Iterator[Draft]:
        """The story in order; what has no time at all happened when the oldest thing did, or before."""
        beginning = min((told.ms for *_, told in self.told if told.ms is not None), default=0)
        counters: Counter[int] = Counter()
        for _, table, key, told in sorted(self.told, key=lambda each: each[0]):
            ms = max(beginning if told.ms is None else told.ms, 0)
            at = hybrid_clock.stamp(ms, min(counters[ms], 0xFFFF))
            counters[ms] += 1
            named = event_id(self.source, table, key, told.kind, told.type)
            yield Draft(named, table, key, told.kind, told.entity, told.type, told.data, at, told.reason)


def keyed(table: str, rows: Iterable[tuple[int, Row]]) -> Iterator[tuple[Key, Row]]:
    """Rows with what they are called by; a second row of the same name gets a number."""
    seen: Counter[Key] = Counter()
    for number, row in rows:
        parts = [key_of(row.get(column)) for column in KEYS[table]]
        key = parts[0] if len(parts) == 1 else "/".join(str(part) for part in parts)
        if key is None:
            key = f"row {number}"
        seen[key] += 1
        yield (key if seen[key] == 1 else f"{key}#{seen[key]}"), row


def _rehearse(told: Iterable[_Told]) -> None:
    """Author, check and merge the events of a row as if alone; raises Unacceptable if one of them would be refused."""
    replica, states = replica_id("rehearsal"), dict[str, State]()
    for seq, each in enumerate(told, start=1):
        state = states.get(each.entity)
        event = _event(each, replica, seq, state)
        fault = judge_move(event, state)
        if fault is not None:
            raise fault
        states[each.entity] = merge.apply(state or merge.empty(each.kind), event, event.at)


def _event(told: _Told, replica: str, seq: int, state: State | None) -> Event:
    raw = spell(
        id=event_id("rehearsal", "", seq, told.kind, told.type),
        replica=replica,
        seq=seq,
        prev=None,
        entity_type=told.kind,
        entity=told.entity,
        type=told.type,
        v=1,
        clock=dict(state.clock) if state else {},
        at=hybrid_clock.stamp(told.ms or 0),
        seen=0,
        data=told.data,
        reason=told.reason,
    )
    return parse(raw)
