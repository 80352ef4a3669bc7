"""Where a script is played: each person on a device of their own, handing in to the log as real devices do."""

from collections.abc import Iterable
from dataclasses import asdict
from random import Random
from typing import Final

from cairnfield.demo.script import Told
from cairnfield.ids import uuid7
from commands.authority import Principal
from commands.judge import judge_for
from sync import pull as pulling
from sync import push
from sync.author import Author
from sync.device import Device, edit
from sync.frames import read_page
from sync.handing_in import next_batch, settle
from sync.limits import PAGE_BYTES_MAX, PAGE_EVENTS_MAX
from sync.log import Changes, EventLog, Known
from sync.pull import Asked
from sync.taking_in import apply_page
from sync.verdict import Received

_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"


class Stage:
    """The people of a tenant with their devices, and the moment that has come."""

    def __init__(self, log: EventLog, people: Iterable[Principal], random: Random, *, now_ms: int) -> None:
        self.log, self.random, self.now_ms = log, random, now_ms
        self.people = {person.name: person for person in people}
        self.devices: dict[str, Device] = {}
        self._unsent: dict[str, set[str]] = {}
        """The matters of which somebody has told what nobody else can know yet."""
        self._news: dict[str, int] = {}
        """For each matter the position of its last news."""

    def play(self, told: Iterable[Told]) -> None:
        """Let everything happen in turn: whoever tells of a matter knows what was told of it before."""
        for each in told:
            self.now_ms = max(self.now_ms, each.at_ms)
            for who in [who for who, matters in self._unsent.items() if who != each.who and each.matter in matters]:
                self.hand_in(who)
            if self._device(each.who).cursor < self._news.get(each.matter, 0):
                self.pull(each.who)
            self.tell(each)

    def collide(self, one: Told, other: Told) -> None:
        """Let two people tell without knowing of each other, and then hand in."""
        for each in (one, other):
            self.pull(each.who)
        for each in (one, other):
            self.now_ms = max(self.now_ms, each.at_ms)
            self.tell(each)
        for each in (one, other):
            self.hand_in(each.who)

    def tell(self, told: Told) -> None:
        """Write one event on somebody's device."""
        self.devices[told.who], _ = edit(
            self._device(told.who),
            id=uuid7(told.at_ms, self.random),
            entity_type=told.entity_type,
            entity=told.entity,
            type=told.type,
            data=dict(told.data),
            now_ms=told.at_ms,
        )
        self._unsent.setdefault(told.who, set()).add(told.matter)

    def hand_in(self, who: str) -> None:
        """Send everything that somebody has written; the demo holds nothing that the server sets aside."""
        person = self.people[who]
        while body := next_batch(self.devices[who]):
            batch = [push.receive(raw) for raw in body.split(b"\n")]
            is_limited = judge_for(person.role).is_limited
            answer = self.log.append(
                person.tenant,
                push.wanted(batch, limited_to=person.person if is_limited else None),
                lambda known, batch=batch: self._decide(batch, known, person),  # type: ignore[misc]  # this round's
                now_ms=self.now_ms,
            )
            self.devices[who] = settle(self.devices[who], asdict(answer))
        assert not self.devices[who].quarantined, self.devices[who].quarantined
        head = self.log.head(person.tenant).position
        self._news |= dict.fromkeys(self._unsent.pop(who, ()), head)

    def _decide(self, batch: list[Received], known: Known, person: Principal) -> tuple[Changes, push.Answer]:
        return push.decide(batch, known, judge=judge_for(person.role), actor=person.person, now_ms=self.now_ms)

    def pull(self, who: str) -> None:
        """Let somebody's device take in everything there is."""
        tenant, device = self.people[who].tenant, self._device(who)
        while True:
            asked = Asked(
                cursor=device.cursor, person=None, limit=PAGE_EVENTS_MAX, bytes_max=PAGE_BYTES_MAX, history=True
            )
            with self.log.moment(tenant) as moment:
                page = read_page(pulling.page(moment, asked))
            device = self.devices[who] = apply_page(device, page, now_ms=self.now_ms)
            if device.cursor >= page.head:
                return

    def hand_in_all(self) -> None:
        """Send what is left on any device."""
        for who in list(self._unsent):
            self.hand_in(who)

    def _device(self, who: str) -> Device:
        if who not in self.devices:
            replica = "r" + "".join(self.random.choice(_BASE32) for _ in range(12))
            person = self.people[who]
            name = f"{who}'s {'desk' if person.role == 'dispatcher' else 'phone'}"
            self.log.mint(person.tenant, replica=replica, person=person.person, name=name, now_ms=self.now_ms)
            self.devices[who] = Device(author=Author(replica=replica))
        return self.devices[who]
