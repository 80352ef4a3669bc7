"""A small good history to be spoilt: two devices, six events, a lost answer, a refusal, one set aside."""

from collections.abc import Sequence
from typing import Any

from cairnfield.prove_sync.history import Op, Type
from cairnfield.prove_sync.replicas import digest_of

ADA, BEN, RUNNER = "ada", "ben", "runner"
A, B = "raaaaaaaaaaaa", "rbbbbbbbbbbbb"
JOB, SITE = "job", "site"
CALM_MS = 5_000
OFFICE, CASE, SOMEBODY = "roooooooooooo", f"{B}-2", "who speaks for the office"


def event(  # noqa: PLR0917  # one line per event reads as a log
    position: int, name: str, entity: str, version: int, dot: tuple[str, int], clock: dict[str, int], tx: Any = None
) -> dict[str, Any]:
    """An event of the log; what is hashed is named after it."""
    return {
        "position": position,
        "id": name,
        "leaf": f"leaf of {name} at {position}",
        "hash": f"bytes of {name}",
        "entity": entity,
        "version": version,
        "replica": dot[0],
        "seq": dot[1],
        "scope": f"work_order:{entity}",
        "clock": clock,
        "tx": tx,
        "state": f"{entity} after {version}",
    }


LOG = [
    event(1, "e1", JOB, 1, (A, 1), {}),
    event(2, "e2", SITE, 1, (A, 2), {}, ["both", 1, 2]),
    event(3, "e3", JOB, 2, (A, 3), {A: 1}, ["both", 2, 2]),
    event(4, "e4", JOB, 3, (B, 1), {A: 3}),
    event(5, "e6", SITE, 2, (A, 4), {A: 2}),
]
FINAL = digest_of({JOB: (3, "job after 3"), SITE: (2, "site after 2")})


def shown(*jobs: str) -> dict[str, Any]:
    """What the read model shows: a job with so many events, told one by one in the audit trail."""
    trail = {str(place): {"event_id": name} for place, name in enumerate(jobs, 1)}
    return {"work_order": {JOB: {"title": "Boiler", "log_version": len(jobs)}}, "audit_trail": trail}


def told(process: str, kind: Type, f: str, **value: Any) -> Op:
    return Op(process, kind, f, value, 1_000)


QUIET = told(RUNNER, "info", "quiet")._replace(time=CALM_MS + 2_500)


def opened(process: str, why: str = "started", cursor: int = 0, **more: Any) -> Op:
    return told(
        process,
        "ok",
        "open",
        **{"why": why, "cursor": cursor, "epoch": "first", "outbox": [], "quarantined": []} | more,
    )


def wrote(process: str, name: str, dot: tuple[str, int]) -> list[Op]:
    value = {"id": name, "hash": f"bytes of {name}", "replica": dot[0], "seq": dot[1]}
    return [told(process, "invoke", "write", **value), told(process, "ok", "write", **value)]


def pushed(process: str, head: int, *verdicts: tuple[str, str, int | None]) -> list[Op]:
    answer = {"epoch": "first", "head": head, "batch": "taken", "verdicts": [list(each) for each in verdicts]}
    return [asked(process, *(each[0] for each in verdicts)), told(process, "ok", "push", **answer)]


def asked(process: str, *names: str) -> Op:
    return told(process, "invoke", "push", ids=list(names))


def pulled(process: str, after: int, cursor: int, head: int) -> list[Op]:
    """A page, and that it was stored."""
    page = [[each[name] for name in ("position", "id", "leaf", "entity", "version")] for each in LOG[after:cursor]]
    answer = {"epoch": "first", "asked": after, "cursor": cursor, "head": head, "events": page}
    return [
        told(process, "invoke", "pull", asked=after),
        told(process, "ok", "pull", **answer, snapshots=[], verdicts=[]),
        told(process, "ok", "apply", epoch="first", cursor=cursor),
    ]


def rested(process: str) -> Op:
    same = {"epoch": "first", "applied": "all", "state_hash": FINAL, "shown": []}
    at_rest = told(process, "ok", "rest", cursor=5, outbox=[], quarantined=[], **same)
    return at_rest._replace(time=CALM_MS + 2_000)


def tables(*log: str) -> Op:
    """The read model holds the whole log, each event once."""
    same = {"folded": shown(*log), "held": shown(*log)}
    return told(RUNNER, "ok", "tables", position=len(log), parked=[], **same)


def cases(state: str = "open", owner: str | None = None, *facts: tuple[str, str, dict[str, Any]]) -> Op:
    """What the server keeps of e5, which was set aside, and what its log says of it: (type, actor, data)."""
    opening = ("CaseOpened", SOMEBODY, {"replica": B, "seq": 2})
    said = [[6 + place, CASE, *fact] for place, fact in enumerate([opening, *facts])]
    return told(RUNNER, "ok", "cases", office=OFFICE, cases={CASE: ["e5", state, owner]}, facts=said)


def said(process: str, verb: str, kind: Type | None = "ok", **more: Any) -> list[Op]:
    """Something said of e5 and how that was answered; `became` is what the answer says, the rest what was said."""
    became = more.pop("became", {})
    value = {"case": CASE, "id": "e5", "verb": verb, "by": f"the person {process}", **more}
    asked_for = told(process, "invoke", "decide", **value)
    return [asked_for] if kind is None else [asked_for, told(process, kind, "decide", **value, became=became)]


def good() -> list[Op]:
    """The history: Ada's second answer is lost, her third push is refused; Ben's second event is set aside."""
    return [
        opened(ADA),
        opened(BEN),
        *wrote(ADA, "e1", (A, 1)),
        *pushed(ADA, 1, ("e1", "accepted", 1)),
        *wrote(ADA, "e2", (A, 2)),
        *wrote(ADA, "e3", (A, 3)),
        asked(ADA, "e2", "e3"),
        told(ADA, "info", "push"),
        told(RUNNER, "info", "strike", what="cut", on=ADA),
        *pushed(ADA, 3, ("e2", "duplicate", 2), ("e3", "duplicate", 3)),
        *pulled(BEN, 0, 1, 3),
        *pulled(BEN, 1, 3, 3),
        told(BEN, "ok", "read", epoch="first", applied="three", state_hash="of three", shown=[]),
        *wrote(BEN, "e4", (B, 1)),
        *wrote(BEN, "e5", (B, 2)),
        told(
            BEN, "ok", "read", epoch="first", applied="three", state_hash="of three", shown=[["e4", True], ["e5", True]]
        ),
        *pushed(BEN, 4, ("e4", "accepted", 4), ("e5", "quarantined", None)),
        *wrote(ADA, "e6", (A, 4)),
        asked(ADA, "e6"),
        told(ADA, "fail", "push"),
        *pushed(ADA, 5, ("e6", "accepted", 5)),
        told(RUNNER, "info", "calm", up_after_ms=1_000)._replace(time=CALM_MS),
        *pulled(ADA, 0, 3, 5),
        told(ADA, "ok", "read", epoch="first", applied="three", state_hash="of three", shown=[["e6", True]]),
        *pulled(ADA, 3, 5, 5),
        opened(BEN, "killed", 3, outbox=["e4"], quarantined=["e5"]),
        *pulled(BEN, 3, 5, 5),
        told(BEN, "ok", "read", epoch="first", applied="all", state_hash=FINAL, shown=[["e4", True], ["e5", False]]),
        rested(ADA),
        rested(BEN),
        QUIET,
        told(RUNNER, "ok", "log", events=LOG),
        told(
            RUNNER,
            "ok",
            "stored",
            entities={JOB: [3, "job after 3"], SITE: [2, "site after 2"]},
            replicas={A: 4, B: 2},
            quarantined=["e5"],
            digest=FINAL,
        ),
        cases(),
        tables("e1", "e2", "e3", "e4", "e6"),
    ]


def find(history: Sequence[Op], process: str, kind: Type, f: str, number: int = 0) -> int:
    """The place of the so-manieth such line; negative numbers count from the end."""
    found = [place for place, op in enumerate(history) if (op.process, op.type, op.f) == (process, kind, f)]
    return found[number]
