"""Who holds a device: what they tell with it, and when, whatever their device is."""

import time
from collections.abc import Callable, Iterable
from random import Random
from typing import Final, Protocol

from cairnfield.ids import uuid7
from cairnfield.prove_sync.decider import Decider
from cairnfield.prove_sync.hints import Hints
from cairnfield.prove_sync.last_year import a_checklist
from cairnfield.prove_sync.overreach import OVERREACHES, of_the_office
from cairnfield.prove_sync.part import Orders, Part, Phase
from cairnfield.prove_sync.testimony import Note
from cairnfield.simulate.office import Dispatcher, Supervisor
from cairnfield.simulate.technician import OVER, Technician
from cairnfield.simulate.world import Deed, Scene, World
from sync.device import Device
from sync.envelope import Tx

DEEDS_AT_ONCE_MAX: Final = 6
"""What somebody wrote at most while their device waited for an answer."""
RETRY_S: Final = 0.1
AT_REST_S_MAX: Final = 0.8
"""How seldom somebody at rest asks for news at most: the server has its read model to bring to the end of the log."""
FLIPPED_MAX: Final = 6
"""How many visits are given to others at one moment."""
TOGETHER: Final = 0.5
"""How often what is told at one moment stands or falls together."""


class Held(Protocol):
    """A device in somebody's hands."""

    @property
    def device(self) -> Device:
        """What it knows."""
        ...

    def tell(self, deed: Deed, tx: Tx | None) -> None:
        """Write an event."""
        ...

    def sync(self, phase: Phase) -> bool:
        """Hand in and take in, as far as the line allows; whether it is at rest, as it was before."""
        ...


class User:
    """Somebody with a device."""

    def __init__(self, part: Part, dice: Random, note: Note) -> None:
        self._part, self._dice = part, dice
        # Ids must differ from those of an earlier life, and a twin's.
        self._ids = Random(f"{part.seed}/{part.name}/{time.time_ns()}")  # noqa: S311
        self._start_ms = time.time_ns() // 1_000_000
        self.world = World(start_ms=self._start_ms, ids=self._ids)
        self._wrong_by_ms = 0
        self._calm_s = RETRY_S
        self._flips: int | None = None
        self._works_at = time.monotonic()
        self._hints = Hints(part.url, part.token, lambda head: note("ok", "hint", told=head))
        self._decider = Decider(part.url, part.token, part.decides, dice, note) if part.decides else None

    def now_ms(self) -> int:
        """What the clock of the device says."""
        return time.time_ns() // 1_000_000 + self._wrong_by_ms

    def new_id(self) -> str:
        """For an event."""
        return uuid7(self.now_ms(), self._ids)

    def take_up(self, device: Device) -> None:
        """Look at what is there, and begin to listen."""
        self.world.meet((state.type, entity) for entity, state in device.accepted.items())
        if self._part.listens:
            self._hints.listen(device.author.replica)

    def meet(self, entities: Iterable[tuple[str, str]]) -> None:
        """Hear of entities, given as (type, id)."""
        self.world.meet(each for each in entities if self.world.ref_of(each[1]) is None)

    def pass_a_moment(self, held: Held, orders: Orders) -> None:
        """What somebody and their device do in one moment."""
        self._wrong_by_ms = orders.wrong_by_ms
        if orders.phase == "work":
            is_news = self._hints.wait(self._part.pause_s * (0.5 + self._dice.random()))
            if "person" in self.world.by_type:
                self._work_as_told(held, orders)
            if self._dice.random() < 0.2 and not is_news:
                return
        else:
            time.sleep(self._calm_s)
        is_at_rest = held.sync(orders.phase)
        self._calm_s = min(2 * self._calm_s, AT_REST_S_MAX) if is_at_rest else RETRY_S

    def _work_as_told(self, held: Held, orders: Orders) -> None:
        if orders.flips > (orders.flips if self._flips is None else self._flips):
            self._give_visits_to_others(held)
        for _ in range(self._deeds_due()):
            self._work(held)
        self._flips = orders.flips
        if self._decider is not None and self._dice.random() < 0.4:
            self._decider.decide()

    def _deeds_due(self) -> int:
        """How many deeds it is time for: who waits for an answer goes on working."""
        now, due = time.monotonic(), 0
        while self._works_at <= now and due < DEEDS_AT_ONCE_MAX:
            self._works_at += self._part.pause_s * (0.5 + self._dice.random())
            due += 1
        self._works_at = max(self._works_at, now)
        return due

    def _give_visits_to_others(self, held: Held) -> None:
        """Whoever had them is let out, and whoever has them now is let in."""
        scene = self._scene(held)
        seen = ((ref, scene.sees(ref)) for ref in self.world.by_type.get("visit", ()))
        visits = [ref for ref, values in seen if values is not None and values["status"] not in OVER]
        for visit in self._dice.sample(visits, min(FLIPPED_MAX, len(visits))):
            assignee = self._dice.choice(self.world.by_type["person"])
            held.tell(Deed("visit", visit, "VisitReassigned", {"assignee_id": assignee}), None)

    def _scene(self, held: Held) -> Scene:
        return Scene(world=self.world, device=held.device, random=self._dice, ms=self.now_ms() - self._start_ms)

    def _work(self, held: Held) -> None:
        scene = self._scene(held)
        deeds = self._at_work().decide(scene)
        if self._part.is_old and self._dice.random() < 0.2:
            deeds = [a_checklist(scene)]
        if self._part.role == "technician" and self._dice.random() < OVERREACHES:
            deeds = of_the_office(scene)
        together = len(deeds) > 1 and self._dice.random() < TOGETHER
        tx = self.new_id()
        for number, deed in enumerate(deeds, 1):
            held.tell(deed, Tx(id=tx, i=number, n=len(deeds)) if together else None)

    def _at_work(self) -> Dispatcher | Supervisor | Technician:
        """Who holds the device at this moment; in a small company the office goes out to work, too."""
        people = self.world.by_type["person"]
        match self._part.role:
            case "dispatcher" if self._dice.random() < 0.7:
                return Dispatcher(people)
            case "supervisor" if self._dice.random() < 0.5:
                return Supervisor()
            case _:
                return Technician(self.world.ref_of(self._part.person) or self._dice.choice(people))

    def found(self, held: Held, decide: Callable[[Scene], list[Deed]]) -> None:
        """Tell what a run begins with."""
        for deed in decide(Scene(world=self.world, device=held.device, random=self._dice, ms=0)):
            held.tell(deed, None)

    def leave(self) -> None:
        """Listen and ask no longer."""
        self._hints.end()
        if self._decider is not None:
            self._decider.close()
