"""Real pushes into an event log, as the API makes them, and what must be true of their answers."""

from collections.abc import Callable, Sequence
from typing import Final

from commands.judge import judge_for
from domain.people import Role
from infra.postgres.log import ROWS_WORTH_COLUMNS
from sync import push
from sync.log import Changes, Known
from sync.push import Answer
from tests.devices import NOON, PERSON_1, Device
from tests.infra.event_logs import Office

Look = Callable[[Known], None]
LARGE: Final = ROWS_WORTH_COLUMNS + 8
"""Events of a batch that is decided ahead and goes in by COPY."""

ARRIVED: Final = NOON + 3_600_000


def pushed(
    office: Office,
    raws: Sequence[bytes],
    look: Look = lambda _: None,
    *,
    role: Role = "dispatcher",
    person: str = PERSON_1,
    now_ms: int = ARRIVED,
) -> Answer:
    """Hand in a batch as the API does; `look` is called while the decision is made."""
    batch, judge = [push.receive(raw) for raw in raws], judge_for(role)

    def decide(known: Known) -> tuple[Changes, Answer]:
        look(known)
        return push.decide(batch, known, judge=judge, actor=person, now_ms=now_ms)

    wanted = push.wanted(batch, limited_to=person if judge.is_limited else None)
    return office.log.append(office.tenant, wanted, decide, now_ms=now_ms, moved=push.moved)


def device(office: Office, name: str, person: str = PERSON_1) -> Device:
    made = Device(name)
    office.mint(name, person)
    return made


def verdicts(answer: Answer) -> list[str]:
    assert answer.batch == "taken"
    return [each["verdict"] for each in answer.verdicts]


def is_as_answered(office: Office, answers: Sequence[Answer]) -> None:
    """Every accepted event lies where its author was told, with the version and the stamp it was told."""
    stored = {row.id: (row.position, row.version, row.effective) for row in office.events()}
    told = [each for answer in answers for each in answer.verdicts if each["verdict"] == "accepted"]
    assert {each["id"]: (each["position"], each["version"], each["effective"]) for each in told} == stored
    assert len(told) == len(stored) == office.position
    office.is_whole()
