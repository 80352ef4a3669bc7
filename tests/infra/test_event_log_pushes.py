"""Real pushes into every event log, many at once: what is answered is what is stored, and the log stays whole."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sync.push import Answer
from tests.devices import Device, new_id
from tests.infra.event_logs import Office, Offices
from tests.infra.pushing import LARGE, device, is_as_answered, pushed, verdicts

PUSHERS = 8
BATCHES = 4


@pytest.mark.parametrize("size", [3, LARGE])
def test_pushes_of_different_things_at_once_are_all_answered_as_stored(office: Office, size: int) -> None:
    devices = [device(office, f"d{'abcdefgh'[number]}") for number in range(PUSHERS)]
    barrier = threading.Barrier(PUSHERS)

    def work(ours: Device) -> list[Answer]:
        barrier.wait()
        return [pushed(office, [ours.create("site", new_id()) for _ in range(size)]) for _ in range(BATCHES)]

    with ThreadPoolExecutor(PUSHERS) as threads:
        answers = [answer for each in threads.map(work, devices) for answer in each]
    assert {verdict for answer in answers for verdict in verdicts(answer)} == {"accepted"}
    assert office.position == PUSHERS * BATCHES * size
    is_as_answered(office, answers)


@pytest.mark.parametrize("size", [3, LARGE])
def test_pushes_of_the_same_things_at_once_lose_no_edit(office: Office, size: int) -> None:
    first = device(office, "first")
    sites = [new_id() for _ in range(size)]
    created = [first.create("site", site) for site in sites]
    answers = [pushed(office, created)]
    devices = [device(office, f"d{'abcdefgh'[number]}") for number in range(PUSHERS)]
    barrier = threading.Barrier(PUSHERS)

    def work(number: int) -> list[Answer]:
        ours = devices[number]
        ours.see(*created)
        barrier.wait()
        order = sites if number % 2 else sites[::-1]
        return [
            pushed(office, [ours.tell("site", site, "Edited", {"name": f"{number} {batch}"}) for site in order])
            for batch in range(BATCHES)
        ]

    with ThreadPoolExecutor(PUSHERS) as threads:
        answers += [answer for each in threads.map(work, range(PUSHERS)) for answer in each]
    assert {verdict for answer in answers for verdict in verdicts(answer)} == {"accepted"}
    assert office.position == (1 + PUSHERS * BATCHES) * size
    is_as_answered(office, answers)


@pytest.mark.parametrize("size", [3, LARGE])
def test_the_same_push_many_times_at_once_is_taken_once(office: Office, size: int) -> None:
    ours = device(office, "ada2")
    raws = [ours.create("site", new_id()) for _ in range(size)]
    with ThreadPoolExecutor(PUSHERS) as threads:
        answers = list(threads.map(lambda _: pushed(office, raws), range(PUSHERS)))
    kinds = sorted({kind for answer in answers for kind in verdicts(answer)})
    assert kinds == ["accepted", "duplicate"]
    assert [row.body for row in office.events()] == raws
    assert {each["id"]: each["position"] for answer in answers for each in answer.verdicts} == {
        row.id: row.position for row in office.events()
    }
    office.is_whole()


def test_thirty_two_at_once_in_opposite_orders_are_not_in_each_other_s_way(kind: Offices) -> None:
    office = kind.new()
    names = [f"d{one}{other}" for one in "abcdefgh" for other in "abcd"]
    devices = [device(office, name) for name in names]
    first = device(office, "first")
    sites = [new_id() for _ in range(LARGE)]
    created = [first.create("site", site) for site in sites]
    answers = [pushed(office, created)]

    def work(number: int) -> Answer:
        ours = devices[number]
        ours.see(*created)
        order = sites if number % 2 else sites[::-1]
        raws = [ours.tell("site", site, "Edited", {"name": f"by {number}"}) for site in order]
        return pushed(office, raws[: LARGE if number % 4 < 2 else 5])

    with ThreadPoolExecutor(len(devices)) as threads:
        answers += threads.map(work, range(len(devices)))
    is_as_answered(office, answers)
