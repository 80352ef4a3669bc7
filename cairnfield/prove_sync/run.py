"""One run: a town is founded, devices work, blows fall, everything heals, everybody rests, and it is checked."""

import heapq
import itertools
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import psycopg

from cairnfield.epoch import begin_epochs
from cairnfield.prove_sync import nemesis, observe
from cairnfield.prove_sync.cast import Actor, Cast
from cairnfield.prove_sync.check import faults
from cairnfield.prove_sync.decider import Decides
from cairnfield.prove_sync.history import RUNNER, Op, Recorder, read_history
from cairnfield.prove_sync.ledger import Fault
from cairnfield.prove_sync.nemesis import Strike, plan
from cairnfield.prove_sync.part import Part
from cairnfield.prove_sync.proxy import CLEAR, Proxy, Weather
from cairnfield.prove_sync.replicas import SETTLED_MS_MAX
from cairnfield.prove_sync.stage import Stage
from cairnfield.prove_sync.tables import reached
from cairnfield.prove_sync.town import Town, found, register
from cairnfield.wiring import now_ms, open_accounts, open_log
from commands.authority import may_work_on_cases
from domain.people import Role
from infra.postgres.pool import open_pool

TICK_S: Final = 0.05
BACKUP_EVERY_S: Final = 1.0
START_S_MAX: Final = 60.0
WRITES_PER_S_MIN: Final = 10
"""A run in which less is written proves too little, and does not count."""
WRITES_PER_S: Final = 25
"""What is aimed at."""
DEEDS: Final = 1.0
"""How many events come of a deed, about: some are of several, and some devices are down."""
WAIT_S_MAX: Final = SETTLED_MS_MAX / 1_000 + 2
OLD: Final = "device-0"
"""One device was not updated."""
SYNCED: Final = range(1, 20, 3)
"""Devices that are what scripts use, with everything that it does by itself: a technician's, a dispatcher's and so on.
"""
LASTING: Final = range(1, 20, 2)
"""Phones that keep themselves as scripts do."""
LISTENING: Final = frozenset(range(20)) - frozenset(range(2, 20, 3))
"""Devices that listen for hints; the others come to the same without."""
ON_ITS_WAY_S: Final = 0.5
_MARK: Final = "update log_head set durable = greatest(durable, least(%s, position)) where tenant = %s"
ROLES: Final[tuple[Role, ...]] = ("dispatcher", "technician", "supervisor", "technician")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What is asked of a run."""

    seed: int
    seconds: float = 8.0
    """How long the blows last."""
    devices: int = 6
    kinds: Sequence[str] = ()
    """Which blows; all if none is named."""
    is_deaf: bool = False
    """Whether nobody listens for hints: everything must come right without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a run."""

    seed: int
    seconds: float
    struck: Counter[str]
    counts: Counter[str]
    settled_ms: int
    up_after_ms: int
    """How long the servers took to answer after the last blow was taken back."""
    writes_per_s: float
    hints: int
    """How often anybody was told that there is something to pull."""
    faults: Sequence[Fault]
    history: Path

    @property
    def holds(self) -> bool:
        return not self.faults


def run(stage: Stage, script: Script, folder: Path) -> Outcome:
    """Play one run on a stage that is up; `folder` is empty and keeps its history."""
    began = time.monotonic()
    stage.mend()
    roles: list[Role] = [ROLES[number % len(ROLES)] for number in range(script.devices)]
    town = register(stage.database.dsn, roles, seed=script.seed)
    history = folder / "history.jsonl"
    with (
        Recorder(history, RUNNER) as recorder,
        Proxy(upstreams=[api.address for api in stage.apis], seed=script.seed) as proxy,
    ):
        founder = replace(_part(0, town, stage.url, script, folder), name="founder", is_old=False)
        found(replace(founder, listens=False, decides=None), town)
        lines = [proxy.line() for _ in town.players]
        actors = [
            Actor(_part(number, town, f"http://127.0.0.1:{line.port}", script, folder), line)
            for number, line in enumerate(lines)
        ]
        play = Play(stage, Cast(actors, proxy.line), recorder, history, town, script)
        try:
            play.act()
        finally:
            play.end()
        observe.look(stage.database.dsn, town.tenant, recorder)
    told = read_history(history.read_bytes().split(b"\n"))
    crashed = [Fault("crash", f"{each.part.name} ended by itself", 0) for each in play.cast.actors if each.crashed]
    return Outcome(
        seed=script.seed,
        seconds=time.monotonic() - began,
        struck=play.struck,
        counts=counts(told),
        settled_ms=settled_ms(told),
        up_after_ms=next((op.value["up_after_ms"] for op in told if op.f == "calm"), 0),
        writes_per_s=writes_per_s(told),
        hints=sum(op.f == "hint" for op in told),
        faults=[*crashed, *too_little(writes_per_s(told)), *faults(told)],
        history=history,
    )


def _part(number: int, town: Town, url: str, script: Script, folder: Path) -> Part:
    player, name = town.players[number], f"device-{number}"
    at_a_desk = [each.person for each in town.players if may_work_on_cases(each.role)]
    return Part(
        name=name,
        role=player.role,
        token=player.token,
        url=url,
        folder=folder,
        history=folder / "history.jsonl",
        seed=str(script.seed),
        person=player.person if player.role == "technician" else None,
        is_old=name == OLD,
        is_synced=number in SYNCED,
        is_lasting=number in LASTING,
        listens=number in LISTENING and not script.is_deaf,
        decides=Decides(player.person, at_a_desk) if player.person in at_a_desk else None,
        pause_s=script.devices * DEEDS / WRITES_PER_S,
    )


@dataclass(slots=True)
class Play:
    """A run while it is under way."""

    stage: Stage
    cast: Cast
    recorder: Recorder
    history: Path
    town: Town
    script: Script
    struck: Counter[str] = field(default_factory=Counter[str])
    _under_blows: set[str] = field(default_factory=set[str])
    _agenda: list[tuple[float, int, Callable[[], None]]] = field(
        default_factory=list[tuple[float, int, Callable[[], None]]]
    )
    _order: "itertools.count[int]" = field(default_factory=itertools.count)
    _began: float = 0.0

    _last_taken_back: float = 0.0
    """When the last blow was taken back, or began to be: a database recovers meanwhile."""

    def act(self) -> None:
        """From the first edit to the last rest."""
        self.stage.database.has_copy = False  # of this run
        for actor in self.cast.actors:
            actor.start()
        self._wait(START_S_MAX, self._are_all_there)
        self._began = time.monotonic()
        self.recorder.note("info", "begin")
        for strike in self._plan():
            self._at(strike.at_s, partial(self._strike, strike))
        dice = Random(f"{self.script.seed}/backups")  # noqa: S311
        for moment in range(int(self.script.seconds / BACKUP_EVERY_S)):
            self._at(moment * BACKUP_EVERY_S, lambda: dice.choice(self.cast.actors).back_up())
        while self._agenda or self._elapsed() < self.script.seconds:
            while self._agenda and self._agenda[0][0] <= self._elapsed():
                heapq.heappop(self._agenda)[2]()
            self.stage.keep_up()
            time.sleep(TICK_S)
        self._calm()

    def _plan(self) -> list[Strike]:
        script = self.script
        return plan(seed=script.seed, seconds=script.seconds, devices=script.devices, kinds=script.kinds)

    def _at(self, when_s: float, deed: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (when_s, next(self._order), deed))

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _strike(self, strike: Strike) -> None:
        actor = self.cast.actors[strike.on % len(self.cast.actors)]
        target = self._target(strike, actor)
        heal = None if target in self._under_blows else self._blow(strike, actor)
        if heal is None:
            return  # there was nothing to strike, or it is down already
        self._under_blows.add(target)
        self.struck[strike.what] += 1
        told = {"what": strike.what, "on": target, "much": strike.much}
        self.recorder.note("info", "strike", **told)

        def taken_back() -> None:
            self._last_taken_back = self._elapsed()
            heal()
            self._under_blows.discard(target)
            self.recorder.note("info", "heal", **told)

        self._at(self._elapsed() + strike.for_s, taken_back)

    def _target(self, strike: Strike, actor: Actor) -> str:
        """What is struck: a line and the device behind it are two things."""
        kind = strike.what.rpartition(" ")[2]
        if kind in {"postgres", "server", "durable"}:
            return "postgres"
        if kind == "api":
            return f"api {strike.on % len(self.stage.apis)}"
        return f"the line of {actor.part.name}" if weather_of(strike) else actor.part.name

    def _blow(self, strike: Strike, actor: Actor) -> Callable[[], None] | None:
        """Strike; returns how it is taken back."""
        weather = weather_of(strike)
        if weather is not None:
            actor.line.turn(weather)
            return lambda: actor.line.turn(CLEAR)
        match strike.what:
            case "kill device":
                actor.kill()
                return lambda: actor.start("killed")
            case "stop device":
                actor.told(phase="stop")
                return actor.start_again
            case "pause device":
                actor.pause()
                return actor.go_on
            case "clock jump":
                actor.told(wrong_by_ms=strike.much)
                return lambda: actor.told(wrong_by_ms=0)
            case "clone":
                twin = self.cast.clone(actor, self.struck["clone"])
                return None if twin is None else lambda: None
            case "flip grants":
                self._somebody_at_a_desk(strike.on).told(flips=1)
                return lambda: None
            case "change version":
                actor.kill()
                actor.change_version()
                return lambda: actor.start("killed")
            case "roll back":
                actor.kill()
                why = actor.roll_back()
                return lambda: actor.start("rolled_back" if why else "killed")
            case _:
                return self._blow_to_server(strike)

    def _blow_to_server(self, strike: Strike) -> Callable[[], None] | None:
        api, database = self.stage.apis[strike.on % len(self.stage.apis)], self.stage.database
        match strike.what:
            case nemesis.BACK_UP:
                return self._back_up()
            case "mark durable":
                self._mark_durable(self._head())
                return lambda: None
            case nemesis.RESTORE:
                return self._restore() if database.has_copy else None
            case "stop api":
                self.stage.end_api(api)
                return lambda: self.stage.let_start(api)
            case "kill api":
                self.stage.kill_api(api)
                return lambda: self.stage.let_start(api)
            case "pause api":
                api.signal(signal.SIGSTOP)
                return lambda: api.signal(signal.SIGCONT)
            case "stop postgres":
                database.stop()
                return database.start
            case "kill postgres":
                database.kill()
                return database.start
            case "pause postgres":
                database.signal(signal.SIGSTOP)
                return lambda: database.signal(signal.SIGCONT)
            case unknown:
                raise AssertionError(unknown)

    def _somebody_at_a_desk(self, number: int) -> Actor:
        desks = [actor for actor in self.cast.actors if actor.part.role == "dispatcher"]
        return desks[number % len(desks)]

    def _back_up(self) -> Callable[[], None]:
        """Copy the data folder, and let devices forget what is in it."""
        head = self._head()
        self.stage.database.kill()
        self.stage.database.copy()

        def start() -> None:
            self.stage.database.start()
            self._mark_durable(head)

        return start

    def _head(self) -> int:
        with psycopg.connect(self.stage.database.dsn) as connection:
            found = connection.execute("select position from log_head where tenant = %s", [self.town.tenant]).fetchone()
        return found[0] if found else 0

    def _mark_durable(self, position: int) -> None:
        with psycopg.connect(self.stage.database.dsn) as connection:
            connection.execute(_MARK, [position, self.town.tenant])
        self.recorder.note("info", "mark", position=position)

    def _restore(self) -> Callable[[], None]:
        """The server comes back from its copy, under a new epoch, as `cairn epoch new` would begin one."""
        for api in self.stage.apis:
            self.stage.kill_api(api)
        time.sleep(ON_ITS_WAY_S)  # answers of before the restore are heard before it is told
        self.stage.database.kill()
        self.stage.database.restore()
        self.stage.database.start()
        with open_pool(self.stage.database.dsn, size=1) as pool:
            log, accounts, named = open_log(pool), open_accounts(pool), [(self.town.tenant, "the town")]
            ((_, head),) = begin_epochs(log, accounts, named, self.stage.signer().announce, now_ms=now_ms())
        self.recorder.note("info", "restore", epoch=head.epoch, head=head.position)
        return self.stage.let_all_start

    def _calm(self) -> None:
        """The last blow is over: everybody hands in what they have, until nothing changes any more.

        A server that is still starting is still down, so the faults end when every process answers that it is ready.
        """
        over_s = max(self._last_taken_back, self.script.seconds)
        self.cast.clear()
        for actor in self.cast.actors:
            actor.told(phase="calm")
        self.stage.mend()
        self.recorder.note("info", "calm", up_after_ms=round((self._elapsed() - over_s) * 1_000))
        if self._wait(WAIT_S_MAX, self._is_quiet):
            self.recorder.note("info", "quiet")

    def _wait(self, s_max: float, is_so: Callable[[], bool]) -> bool:
        give_up = time.monotonic() + s_max
        while not is_so():
            if time.monotonic() > give_up:
                return False
            time.sleep(TICK_S)
        return True

    def _told(self) -> list[Op]:
        return read_history(self.history.read_bytes().split(b"\n"))

    def _are_all_there(self) -> bool:
        return {each.part.name for each in self.cast.actors} <= {op.process for op in self._told() if op.f == "open"}

    def _is_quiet(self) -> bool:
        rests = {op.process: op.value for op in self._told() if op.f == "rest"}
        head = self._head()
        return all(
            actor.part.name in rests
            and not rests[actor.part.name]["outbox"]
            and rests[actor.part.name]["cursor"] == head
            for actor in self.cast.actors
        ) and self._holds_all(head)

    def _holds_all(self, head: int) -> bool:
        """Whether what people look at has come to the head as well."""
        with psycopg.connect(self.stage.database.dsn) as connection:
            return reached(connection, self.town.tenant) == head

    def end(self) -> None:
        """Let everybody go home."""
        for actor in self.cast.actors:
            actor.stop()


def weather_of(strike: Strike) -> Weather | None:
    """What a strike does to a line; None where it is no weather."""
    match strike.what:
        case "disconnect":
            return Weather(is_up=False)
        case "slow":
            return Weather(latency_ms=strike.much)
        case "partition in":
            return Weather(withholds=frozenset({"down"}))
        case "partition out":
            return Weather(withholds=frozenset({"up"}))
        case "partition":
            return Weather(withholds=frozenset({"up", "down"}))
        case "cut answer" | "cut answer softly":
            return Weather(cut_after=("down", strike.much), cut_softly=strike.what.endswith("softly"))
        case "cut request":
            return Weather(cut_after=("up", strike.much))
        case "double":
            return Weather(is_doubled=True)
        case "portal":
            return Weather(is_portal=True)
        case _:
            return None


def counts(history: Sequence[Op]) -> Counter[str]:
    """What happened how often."""
    found: Counter[str] = Counter()
    for op in history:
        if op.f in {"write", "push", "pull", "fork"} and op.type != "invoke":
            found[f"{op.f} {op.type}"] += 1
        if (op.f, op.type) == ("push", "ok"):
            found.update(each[1] for each in op.value["verdicts"])
            if op.value["batch"] != "taken":
                found[op.value["batch"]] += 1
        if op.f == "decide" and op.type != "invoke":
            found[f"{op.value['verb']} {op.type}"] += 1
        if op.f == "log":
            found["positions"] = len(op.value["events"])
    return found


def too_little(written: float) -> list[Fault]:
    """That a run proves nothing, because hardly anything was written in it."""
    if written >= WRITES_PER_S_MIN:
        return []
    why = f"{written:.1f} events a second were written: at least {WRITES_PER_S_MIN} make a proof. Is the machine busy?"
    return [Fault("load", why, 0)]


def settled_ms(history: Sequence[Op]) -> int:
    """How long after the faults ended everything was at rest: the last device, and the read model."""
    calm = next((op.time for op in history if op.f == "calm"), 0)
    return max((op.time - calm for op in history if op.f in {"rest", "quiet"}), default=0)


def writes_per_s(history: Sequence[Op]) -> float:
    """What all devices together wrote in a second, from the beginning to the end of the blows."""
    began = next((op.time for op in history if op.f == "begin"), 0)
    over = next((op.time - op.value["up_after_ms"] for op in history if op.f == "calm"), 0)
    written = sum((op.f, op.type) == ("write", "ok") and began <= op.time <= over for op in history)
    return written * 1_000 / (over - began) if over > began else 0.0
