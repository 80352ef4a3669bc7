"""Hubs that were apart and take in each other's logs: the same everywhere, whatever breaks on the way."""

import uuid
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

import httpx
import pytest

from cairnfield.carrying import Carried, Hub, carry, carry_both_ways
from cairnfield.failure import CannotGoOn
from cairnfield.replicate import _patiently
from infra.http_client import OfflineError, ServerRefused, SyncClient
from sync import state_codec
from tests.api.conftest import MakeOffice
from tests.api.office import Office
from tests.devices import new_id

Done = TypeVar("Done")
SITES = 6
WORDS = ("north", "south", "mill", "yard", "gate", "quay")
HAZARDS = ("dog", "gas", "traffic")


class BadLine(httpx.BaseTransport):
    """A line that loses every so many-th request, or its answer after the server has done what it said."""

    def __init__(self, carrier: httpx.BaseTransport, every: int) -> None:
        self.carrier, self.every, self.count = carrier, every, 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        if self.every and self.count % (2 * self.every) == 0:
            raise httpx.ConnectError("no line")
        answer = self.carrier.handle_request(request)
        if self.every and self.count % self.every == 0:
            raise httpx.ReadError("the answer was lost")
        return answer


def at_once(step: Callable[[], Done]) -> Done:
    return step()


def quiet(url: str, done: int, total: int) -> None:
    assert done <= total, url


class Day:
    """Hubs in which people edit the same sites while they are apart."""

    def __init__(self, offices: Sequence[Office], *, seed: int) -> None:
        self.offices, self.dice = offices, Random(seed)
        self.sites = [new_id() for _ in range(SITES)]
        founder = offices[0].device("founder")
        self.told = [founder.create("site", site) for site in self.sites]
        offices[0].verdicts(*self.told)
        names = [[f"hub{hub}{who}" for who in ("ada", "bob")] for hub in ("abc"[: len(offices)])]
        self.people = [[office.device(name) for name in hub] for office, hub in zip(offices, names, strict=True)]

    def meet(self) -> None:
        """Everybody learns what all others know, as they would by pulling from their hub."""
        for hub, office in enumerate(self.offices):
            raws = [row.body for row in office.log.page(office.tenant, after=0, limit=10_000)]
            for device in self.people[hub]:
                device.see(*raws)

    def work(self, edits: int) -> None:
        for hub, office in enumerate(self.offices):
            for _ in range(edits):
                device = self.dice.choice(self.people[hub])
                site = self.dice.choice(self.sites)
                data: dict[str, Any] = self.dice.choice(
                    [
                        {"access_code": str(self.dice.randint(1000, 9999))},
                        {"directions": self.dice.choice(WORDS)},
                        {"hazards": {"add": [self.dice.choice(HAZARDS)]}},
                        {"hazards": {"remove": [self.dice.choice(HAZARDS)]}},
                    ]
                )
                office.clock.ms += self.dice.randint(0, 5_000)
                raw = device.tell("site", site, "Edited", data)
                (verdict,) = office.verdicts(raw)
                assert verdict["verdict"] == "accepted", verdict


def digest(office: Office) -> str:
    return state_codec.state_hash(office.log.states(office.tenant))


def hub_of(office: Office, *, every: int = 0) -> Hub:
    line = BadLine(office.client._transport, every)
    return Hub(url=office.tenant, client=SyncClient("http://cairn", office.tokens["integration"], transport=line))


def test_two_hubs_that_were_apart_come_to_the_same(offices: MakeOffice) -> None:
    day = Day([offices(), offices()], seed=2)
    depot, town = map(hub_of, day.offices)
    carry_both_ways(depot, town, quiet, at_once)
    for _ in range(3):
        day.meet()
        day.work(12)
        assert digest(day.offices[0]) != digest(day.offices[1])
        there, back = carry_both_ways(depot, town, quiet, at_once)
        assert (there.added, back.added) == (12, 12)
        assert digest(day.offices[0]) == digest(day.offices[1])
    heads = {office.log.head(office.tenant).position for office in day.offices}
    assert heads == {SITES + 3 * 2 * 12}


def test_a_second_time_changes_nothing(offices: MakeOffice) -> None:
    day = Day([offices(), offices()], seed=3)
    depot, town = map(hub_of, day.offices)
    carry_both_ways(depot, town, quiet, at_once)
    before = [(office.log.head(office.tenant), digest(office)) for office in day.offices]
    there, back = carry_both_ways(depot, town, quiet, at_once)
    assert (there.added, there.known, back.added, back.known) == (0, 0, 0, 0)
    assert [(office.log.head(office.tenant), digest(office)) for office in day.offices] == before


@pytest.mark.parametrize("every", [1, 2, 3, 5])
def test_stopped_at_any_step_it_goes_on_where_it_was(
    offices: MakeOffice, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    monkeypatch.setattr("cairnfield.carrying.EVENTS_PER_PUSH_MAX", 5)
    day = Day([offices(), offices()], seed=10 + every)
    depot, town = hub_of(day.offices[0]), hub_of(day.offices[1])
    carry_both_ways(depot, town, quiet, at_once)
    day.meet()
    day.work(30)
    starts = 0
    for starts in range(200):
        bad = hub_of(day.offices[1], every=every + starts % 4)
        try:
            carry(depot, bad, quiet, at_once)
            carry(bad, depot, quiet, at_once)
        except OfflineError:
            continue
        break
    assert starts > 0, "nothing was stopped"
    assert digest(day.offices[0]) == digest(day.offices[1])
    for office in day.offices:
        rows = office.log.page(office.tenant, after=0, limit=10_000)
        assert len({row.id for row in rows}) == len(rows) == SITES + 60


def test_three_hubs_in_a_ring_come_to_the_same(offices: MakeOffice) -> None:
    day = Day([offices(), offices(), offices()], seed=4)
    hubs = [hub_of(office) for office in day.offices]
    ring = list(zip(hubs, [*hubs[1:], hubs[0]], strict=True))
    for one, next_ in ring:
        carry(one, next_, quiet, at_once)
    day.meet()
    day.work(15)
    for _ in range(2):
        for one, next_ in ring:
            carry(one, next_, quiet, at_once)
    assert len({digest(office) for office in day.offices}) == 1
    assert {office.log.head(office.tenant).position for office in day.offices} == {SITES + 45}
    assert [carry(one, next_, quiet, at_once).added for one, next_ in ring] == [0, 0, 0]


def test_a_restored_hub_is_filled_again_by_the_other(offices: MakeOffice) -> None:
    """A hub that lost what it had has a new epoch or is new altogether: the other brings everything back."""
    day = Day([offices(), offices()], seed=5)
    depot, town = map(hub_of, day.offices)
    carry_both_ways(depot, town, quiet, at_once)
    day.meet()
    day.work(10)
    carry_both_ways(depot, town, quiet, at_once)
    empty = offices()
    fresh = hub_of(empty)
    told = carry(town, fresh, quiet, at_once)
    assert told == Carried(
        source=town.url, target=fresh.url, added=SITES + 20, known=0, set_aside=0, position=SITES + 20
    )
    assert digest(empty) == digest(day.offices[0])


def test_a_step_is_tried_again_and_given_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cairnfield.replicate.time.sleep", lambda _: None)
    failures: list[Exception] = [OfflineError("no line"), ServerRefused(503, {"code": "log_unavailable"})]

    def step() -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert _patiently(step) == "done"
    failures[:] = [OfflineError("no line")] * 50
    with pytest.raises(CannotGoOn, match="no line Tried 6 times"):
        _patiently(step)
    failures[:] = [ServerRefused(401, {"code": "unauthorized"})] * 2
    with pytest.raises(CannotGoOn, match="unauthorized"):
        _patiently(step)
    assert len(failures) == 1, "what is answered with a no is not asked again"


class ComesBackMeanwhile(SyncClient):
    """A hub that comes back from a backup just after it was asked who it is."""

    office: Office
    times = 1

    def hello(self, replica: str | None = None) -> dict[str, Any]:
        told = super().hello(replica)
        if self.times:
            self.times -= 1
            self.office.log.begin_epoch(self.office.tenant, str(uuid.uuid4()))
        return told


@pytest.mark.parametrize(("times", "arrives"), [(1, True), (3, True), (10**6, False)])
def test_a_hub_that_comes_back_from_a_backup_meanwhile_is_asked_again_who_it_is(
    offices: MakeOffice, times: int, arrives: bool
) -> None:
    depot, town = offices(), offices()
    depot.verdicts(depot.device("ada").create("site", new_id()))
    returning = ComesBackMeanwhile("http://cairn", depot.tokens["integration"], transport=depot.client._transport)
    returning.office, returning.times = depot, times
    source = Hub(url="depot", client=returning)
    target = Hub(
        url="town", client=SyncClient("http://cairn", town.tokens["integration"], transport=town.client._transport)
    )
    if arrives:
        assert carry(source, target, quiet, at_once).added == 1
        assert digest(depot) == digest(town)
    else:
        with pytest.raises(CannotGoOn, match="came back from a backup"):
            carry(source, target, quiet, at_once)
