"""A history from a seed: a few replicas with clocks that lie, meeting by chance, telling whatever can be told.

Nobody refuses anything here: the merge must agree on every set of events, also on those that no server would let in,
such as an entity that two replicas brought into being without knowing of each other.
"""

from functools import cache
from random import Random
from typing import Any, Final

from cairnfield.prove.history import History, Said
from cairnfield.prove.sample import edit_of, said_by
from domain.catalogue import FACTS, ON_DEVICES
from domain.facts import Fact
from sync.hybrid_clock import BEGINNING, latest_at, observe, tick

NOON: Final = 1_767_268_800_000
"""2026-01-01T12:00:00Z."""
MINUTE: Final = 60_000
DAY: Final = 24 * 60 * MINUTE
BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"
LIES: Final = (0, 0, 0, 0, 250, 4 * MINUTE, 6 * MINUTE, 3 * DAY, -30 * DAY, -NOON, 400_000 * DAY)
"""How far a wall clock may be off: within the drift that others follow, beyond it, in 1970, beyond the year 3000."""
STEPS: Final = (1, MINUTE, 3 * 60 * MINUTE)
"""How long nothing happens at the longest, in milliseconds; a history has one pace."""
LIVELY: Final = ("visit", "work_order")
"""What most of the work and most of the rules are about: a third of all histories' entities."""


def history(seed: int) -> History:
    """The history of a seed: 3 to 8 replicas, 50 to 400 events, the same one always."""
    return _Fleet(Random(seed)).live()  # noqa: S311  # to be repeated, not to be secret


class _Replica:
    """One replica as it lives: what it has heard, in which order, and what it thinks the time is."""

    def __init__(self, name: str, lie: int) -> None:
        self.name, self.lie = name, lie
        self.at = BEGINNING
        self.heard: list[int] = []
        self.known = 0
        self.met: dict[str, int] = {}
        """For each other replica, how much of what it heard has been taken over."""
        self.entities: list[int] = []
        self.offline_until = 0
        self.arrived_ms = 0
        """When the last thing that it knows of reached the server."""


class _Fleet:
    """Everybody, while it lasts."""

    def __init__(self, random: Random) -> None:
        self.random = random
        count = 3 + int(random.random() * 6)
        names = ["r" + "".join(random.choices(BASE32, k=12)) for _ in range(count)]
        self.replicas = [_Replica(name, random.choice(LIES)) for name in names]
        self.events = 50 + int(random.random() ** 2 * 351)
        self.entities_max = max(2, int(self.events / random.choice((8, 16, 32))))
        self.meeting = random.choice((0.02, 0.1, 0.3))
        self.pace = random.choice(STEPS)
        self.entities: list[tuple[str, str]] = []
        """(id, type) of everything that somebody brought into being."""
        self.said: list[Said] = []
        self.about: list[int] = []
        """For each place, which entity it is about."""
        self.now_ms = NOON

    def live(self) -> History:
        random = self.random
        while len(self.said) < self.events:
            if random.random() < 0.6:
                self.now_ms += int(random.random() * self.pace)
            replica = random.choice(self.replicas)
            if random.random() < self.meeting:
                self._meet(replica, random.choice(self.replicas))
            self._tell(replica)
            if random.random() < 0.01:
                replica.lie = random.choice(LIES)
            elif random.random() < 0.02:
                replica.offline_until = len(self.said) + int(random.random() * 100)
        for replica in self.replicas:
            for other in random.sample(self.replicas, len(self.replicas)):
                self._hear(replica, other, len(other.heard))
        return History(self.said, [replica.heard for replica in self.replicas])

    def _meet(self, replica: _Replica, other: _Replica) -> None:
        """Two replicas, or a replica and what of another's has come through to the server."""
        if len(self.said) < max(replica.offline_until, other.offline_until) or replica is other:
            return
        share = 1.0 if self.random.random() < 0.7 else self.random.random()
        self._hear(replica, other, int(len(other.heard) * share))
        if self.random.random() < 0.5:
            self._hear(other, replica, len(replica.heard))

    def _hear(self, replica: _Replica, other: _Replica, until: int) -> None:
        wall_ms = self.now_ms + replica.lie
        for place in other.heard[replica.met.get(other.name, 0) : until]:
            if replica.known >> place & 1:
                continue
            replica.known |= 1 << place
            replica.heard.append(place)
            if self.about[place] not in replica.entities:
                replica.entities.append(self.about[place])
            at = self.said[place].at
            if at > replica.at:
                replica.at = observe(replica.at, at, wall_ms)
        replica.met[other.name] = max(until, replica.met.get(other.name, 0))
        replica.arrived_ms = max(replica.arrived_ms, other.arrived_ms)

    def _tell(self, replica: _Replica) -> None:
        random = self.random
        unborn = len(self.entities) < self.entities_max and random.random() < 0.15
        if unborn or not replica.entities:
            self._create(replica)
            return
        # Squared, so that some entities are everybody's business and others nearly nobody's.
        entity = replica.entities[int(random.random() ** 2 * len(replica.entities))]
        fact = _next_fact(self.entities[entity][1], random)
        self._say(replica, entity, fact, (edit_of if fact.name == "Edited" else said_by)(fact, random))

    def _create(self, replica: _Replica) -> None:
        random = self.random
        unheard = [number for number in range(len(self.entities)) if number not in replica.entities]
        if unheard and random.random() < 0.2:
            entity = random.choice(unheard)
        else:
            entity = len(self.entities)
            kind = random.choice(LIVELY) if random.random() < 0.33 else random.choice(_KINDS)
            self.entities.append((f"01900000-0000-7000-9000-{random.getrandbits(48):012x}", kind))
        creations = [fact for fact in FACTS[self.entities[entity][1]].values() if fact.creates]
        fact = random.choice(creations)
        replica.entities.append(entity)
        self._say(replica, entity, fact, said_by(fact, random))

    def _say(self, replica: _Replica, entity: int, fact: Fact, data: dict[str, Any]) -> None:
        random = self.random
        replica.at = tick(replica.at, self.now_ms + replica.lie)
        delay_ms = 0 if random.random() < 0.5 else int(random.random() ** 3 * 20 * self.pace)
        replica.arrived_ms = max(replica.arrived_ms, self.now_ms + delay_ms)
        place, (name, kind) = len(self.said), self.entities[entity]
        effective = min(replica.at, latest_at(replica.arrived_ms))
        more = {} if random.random() < 0.95 else random.choice(_MORE)
        self.said.append(Said(replica.name, name, kind, fact.name, data, replica.at, effective, replica.known, more))
        self.about.append(entity)
        replica.known |= 1 << place
        replica.heard.append(place)


_KINDS: Final = sorted(ON_DEVICES)
_MORE: Final[tuple[dict[str, Any], ...]] = (
    {"reason": "the customer rang"},
    {"geo": {"lat": 515_000_000, "lon": -1_000_000, "source": "gps"}},
    {"tx": {"id": "01900000-0000-7000-a000-000000000001", "i": 1, "n": 1}},
)


@cache
def _facts(kind: str) -> dict[str, tuple[Fact, ...]]:
    facts = FACTS[kind]
    generic = [facts[name] for name in ("Edited", "Archived", "Restored")]
    named = [fact for fact in facts.values() if not fact.creates and fact not in generic]
    return {"named": tuple(named), "generic": tuple(generic)}


def _next_fact(kind: str, random: Random) -> Fact:
    facts, chance = _facts(kind), random.random()
    edited, archived, restored = facts["generic"]
    if chance < 0.08:
        return archived
    if chance < 0.14:
        return restored
    if chance < 0.55 or not facts["named"]:
        return edited
    return random.choice(facts["named"])
