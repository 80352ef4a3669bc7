"""What the simulated people speak of, under names that do not depend on ids, replicas or the hour of the run."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, NamedTuple, cast

import orjson

from cairnfield.ids import instant, uuid7
from sync import shown
from sync.device import Device
from sync.device import shown as state_of

TRIES_MAX: Final = 30
RECENT: Final = 60
"""Every other try is among so many of the newest: what is under way lies there."""


class Ref(NamedTuple):
    """An entity, by the order in which the run met it."""

    number: int


class Moment(NamedTuple):
    """So many milliseconds after the start."""

    ms: int


class Home(NamedTuple):
    """The scope of a work order."""

    work_order: Ref


class Deed(NamedTuple):
    """What somebody decides to tell."""

    entity_type: str
    entity: Ref
    type: str
    data: Mapping[str, Any] = {}  # never written to


class World:
    """Every entity of the run by its number, and the history as it is told."""

    def __init__(self, *, start_ms: int, ids: Random) -> None:
        self.start_ms = start_ms
        self._random = ids
        self._ids: list[str] = []
        self._numbers: dict[str, int] = {}
        self._history = hashlib.sha256()
        self.by_type: dict[str, list[Ref]] = {}

    def meet(self, entities: Iterable[tuple[str, str]]) -> None:
        """Number the entities that are there at the start, given as (type, id)."""
        for entity_type, entity in sorted(entities):
            self._number(entity_type, entity)

    def named(self, entity_type: str, entity: str) -> Ref:
        """The entity of that id, met now if it was not before."""
        return self.ref_of(entity) or self._number(entity_type, entity)

    def new(self, entity_type: str, ms: int) -> Ref:
        """An entity that somebody is about to create."""
        return self._number(entity_type, self.new_id(ms))

    def new_id(self, ms: int) -> str:
        return uuid7(self.start_ms + ms, self._random)

    def _number(self, entity_type: str, entity: str) -> Ref:
        ref = Ref(len(self._ids))
        self._ids.append(entity)
        self._numbers[entity] = ref.number
        self.by_type.setdefault(entity_type, []).append(ref)
        return ref

    def id_of(self, ref: Ref) -> str:
        return self._ids[ref.number]

    def ref_of(self, entity: Any) -> Ref | None:
        """The number of an id, or None for one that nobody has met, such as a person without an entity."""
        number = self._numbers.get(entity)
        return None if number is None else Ref(number)

    def spelled(self, value: Any) -> Any:
        """Data as an event says them: ids and moments in place of their names."""
        match value:
            case Ref():
                return self.id_of(value)
            case Home(work_order):
                return f"work_order:{self.id_of(work_order)}"
            case Moment(ms):
                return instant(self.start_ms + ms)
            case Mapping():
                return {key: self.spelled(each) for key, each in cast(Mapping[str, Any], value).items()}
            case list():
                return [self.spelled(each) for each in cast(Sequence[Any], value)]
            case _:
                return value

    def remember(self, device: int, deed: Deed) -> None:
        """Add a deed to the history."""
        told = [device, deed.entity_type, deed.entity.number, deed.type, _named(deed.data)]
        self._history.update(orjson.dumps(told, option=orjson.OPT_SORT_KEYS) + b"\n")

    @property
    def history(self) -> str:
        """SHA-256 over who told what, in the order of telling: the same for the same seed on the same start."""
        return self._history.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What somebody decides by: what their device shows, a die, and the moment."""

    world: World
    device: Device
    random: Random
    ms: int
    """Milliseconds after the start."""

    def sees(self, ref: Ref) -> dict[str, Any] | None:
        """An entity's values as the device shows them, or None where it knows nothing of it."""
        state = state_of(self.device, self.world.id_of(ref))
        return None if state is None else shown.values(state)

    def new(self, entity_type: str) -> Ref:
        """An entity that is about to be created."""
        return self.world.new(entity_type, self.ms)

    def pick(self, entity_type: str, fits: Callable[[dict[str, Any]], bool]) -> Ref | None:
        """An entity that the device knows and that fits, found by a bounded number of tries."""
        known = self.world.by_type.get(entity_type, [])
        for attempt in range(TRIES_MAX if known else 0):
            ref = self.random.choice(known if attempt % 2 else known[-RECENT:])
            values = self.sees(ref)
            if values is not None and fits(values):
                return ref
        return None


def _named(value: Any) -> Any:
    match value:
        case Ref(number):
            return ["entity", number]
        case Home(work_order):
            return ["home", work_order.number]
        case Moment(ms):
            return ["moment", ms]
        case Mapping():
            return {key: _named(each) for key, each in cast(Mapping[str, Any], value).items()}
        case list():
            return [_named(each) for each in cast(Sequence[Any], value)]
        case _:
            return value
