"""What waits at the lines of webhooks is delivered to real receivers: in order, at least once, and never lost."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from psycopg_pool import ConnectionPool

from commands.webhooks import TRIES_MAX, WAITS_MS, Changed, Errand, Webhook
from infra.doorbell import ProcessDoorbell
from infra.outbound import Names, Outbound
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import Connection, open_pool
from infra.postgres.roles import PROJECTOR
from infra.postgres.webhook_lines import Hold, PostgresLines
from infra.postgres.webhooks import PostgresWebhooks
from infra.webhook_deliveries import LEASE_MS, WebhookDeliveries
from infra.webhook_secrets import WebhookKeyUnfit, WebhookSecrets, open_secrets
from tests.conftest import TestServer
from tests.devices import NOON, PERSON_2, Device, new_id
from tests.infra.event_logs import Office, new_tenant
from tests.infra.pushing import device, pushed
from tests.receivers import PATIENCE_S, Heard, Receivers, Says, receivers

KEYS: Final = WebhookSecrets(b"k" * 32)
OWNER: Final = "01900000-0000-7000-8000-00000000a009"


@dataclass
class Town:
    """A tenant with a log, somebody who may subscribe, and a clock that is told."""

    pool: ConnectionPool[Connection]
    lines: PostgresLines
    receivers: Receivers
    doorbell: ProcessDoorbell = field(default_factory=ProcessDoorbell)
    now_ms: int = NOON + 7_200_000

    def __post_init__(self) -> None:
        self.book = PostgresWebhooks(self.pool)
        self.tenant = new_tenant(self.pool)
        self.office = Office(log=PostgresEventLog(self.pool, self.doorbell.ring), tenant=self.tenant)
        PostgresAccounts(self.pool).add_person(self.tenant, person=OWNER, name="ERP", role="integration")
        self.ada: Device = device(self.office, "ada")

    def tell(self, count: int = 1, kind: str = "customer") -> list[int]:
        """So many events; their positions."""
        before = self.office.position
        pushed(self.office, [self.ada.create(kind, new_id()) for _ in range(count)])
        return list(range(before + 1, self.office.position + 1))

    def subscribe(self, path: str, *facts: str, owner: str = OWNER, **other: Any) -> str:
        webhook = Webhook(
            webhook=str(uuid.uuid4()),
            owner=owner,
            name=path,
            url=self.receivers.url + path,
            facts=facts or ("*",),
            state="active",
            reason=None,
            version=1,
            position=0,
            failures=0,
            next_at_ms=0,
            just_buried=False,
            generation=1,
            overlap_until_ms=0,
            key=KEYS.name,
            created_at_ms=self.now_ms,
        )
        assert self.book.add(self.tenant, replace(webhook, **other), from_position=None)
        return webhook.webhook

    def unsubscribe(self) -> None:
        """The next test delivers for all tenants, too."""
        for each in self.book.webhooks(self.tenant, None):
            self.book.remove(self.tenant, each.webhook)

    def row(self, webhook: str) -> Webhook:
        found = self.book.webhook(self.tenant, webhook)
        assert found is not None
        return found

    def has_failed(self, webhook: str, times: int) -> bool:
        return self.row(webhook).failures == times

    def tries(self, webhook: str) -> list[tuple[int | None, int, str]]:
        """(position, which try, outcome) of each, oldest first."""
        newest = (10**15, "ffffffff-ffff-ffff-ffff-ffffffffffff")
        found = self.book.deliveries(self.tenant, webhook, before=newest, limit=200)
        return [(each.position, each.attempt, each.outcome) for each in reversed(found)]

    def letters(self, webhook: str) -> list[int]:
        return [each.position for each in self.book.dead_letters(self.tenant, webhook, after=0, limit=200)]

    def replay(self, webhook: str, first: int, last: int, kind: str = "replay") -> str:
        errand = Errand(str(uuid.uuid4()), kind, first - 1, last, 0, self.now_ms, OWNER, self.now_ms)
        assert self.book.ask(self.tenant, webhook, errand)
        return errand.errand

    @contextmanager
    def delivering(self, **settings: Any) -> Iterator[WebhookDeliveries]:
        names = Names()
        outbound = Outbound(names, allow_local=True, timeout_s=settings.pop("timeout_s", PATIENCE_S))
        told = {"now_ms": lambda: self.now_ms, "allow_local": True, "sweep_s": 0.05, **settings}
        deliveries = WebhookDeliveries(self.lines, outbound, KEYS, self.doorbell, **told)
        deliveries.start()
        try:
            yield deliveries
        finally:
            deliveries.stop()
            names.close()


@pytest.fixture(scope="module")
def pools(embedded_server: TestServer) -> Iterator[tuple[ConnectionPool[Connection], ConnectionPool[Connection]]]:
    with (
        embedded_server.database() as dsn,
        open_pool(dsn, size=3) as pool,
        open_pool(dsn, size=4, role=PROJECTOR) as projector,
    ):
        yield pool, projector


@pytest.fixture
def town(pools: tuple[ConnectionPool[Connection], ConnectionPool[Connection]]) -> Iterator[Town]:
    with receivers() as told:
        made = Town(pool=pools[0], lines=PostgresLines(pools[1], ["admin", "integration"]), receivers=told)
        yield made
        made.unsubscribe()


def until(what: Callable[[], object]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < give_up, "it did not come true"
        time.sleep(0.01)


def test_every_event_is_told_once_and_in_order_to_whoever_wants_it(town: Town) -> None:
    town.tell(3)  # before anybody wanted to know
    town.subscribe("/all")
    town.subscribe("/sites", "site.Created")
    town.subscribe("/customers", "customer.*", "visit.VisitArrived")
    town.subscribe("/visits", "visit.*")
    customers, sites = town.tell(70), town.tell(60, "site")
    with town.delivering():
        until(lambda: len(town.receivers.heard) == 260)
        later = town.tell(2)
        until(lambda: len(town.receivers.heard) == 264)
        until(lambda: all(each.position == later[-1] for each in town.book.webhooks(town.tenant, None)))
    assert town.receivers.positions("/all") == [*customers, *sites, *later]
    assert town.receivers.positions("/sites") == sites
    assert town.receivers.positions("/customers") == [*customers, *later]
    assert town.receivers.positions("/visits") == []
    assert set(town.receivers.at_once_max.values()) == {1}


def test_what_is_told_is_what_was_written(town: Town) -> None:
    town.subscribe("/all")
    (position,) = town.tell()
    with town.delivering():
        until(lambda: town.receivers.heard)
    (heard,) = town.receivers.heard
    (row,) = town.office.events()
    assert heard.id == f"evt_{row.id}"
    assert row.body in heard.body
    assert heard.position == position


@pytest.mark.parametrize("status", [301, 307, 400, 404, 429, 500, 503])
def test_an_answer_that_is_no_yes_is_tried_again_before_anything_behind_it(town: Town, status: int) -> None:
    town.receivers.answers = lambda heard: Says(status, {"location": "/elsewhere"} if status < 400 else {})
    webhook = town.subscribe("/all")
    first, second = town.tell(), town.tell()
    with town.delivering():
        until(lambda: town.row(webhook).failures == 1)
        assert town.row(webhook).position == first[0] - 1
        town.receivers.answers = lambda heard: Says(200)
        town.now_ms += round(WAITS_MS[0] * 1.2)
        until(lambda: town.row(webhook).position == second[0])
    assert town.receivers.positions("/all") == [*first, *first, *second]
    ids = [each.id for each in town.receivers.at("/all")]
    assert ids[0] == ids[1] != ids[2]
    assert town.tries(webhook) == [(first[0], 1, "failed"), (first[0], 2, "delivered"), (second[0], 1, "delivered")]
    assert town.receivers.at("/elsewhere") == []


def test_e3_ten_tries_end_in_a_dead_letter_and_the_next_event_decides_whether_it_was_the_letter(town: Town) -> None:
    webhook = town.subscribe("/all")
    poison, fine = town.tell(), town.tell(2)
    town.receivers.answers = lambda heard: Says(500 if heard.position == poison[0] else 200)
    with town.delivering():
        for tried in range(1, TRIES_MAX):
            until(partial(town.has_failed, webhook, tried))
            town.now_ms += round(WAITS_MS[tried - 1] * 1.2)
        until(lambda: town.row(webhook).position == fine[-1])
    assert town.receivers.positions("/all") == poison * TRIES_MAX + fine
    assert town.letters(webhook) == poison
    assert town.row(webhook).state == "active"


def test_a_receiver_that_is_down_for_good_closes_its_line_and_loses_nothing(town: Town) -> None:
    webhook = town.subscribe("/all")
    buried, waiting = town.tell(), town.tell(3)
    town.receivers.answers = lambda heard: Says(502)
    with town.delivering():
        for tried in range(1, TRIES_MAX):
            until(partial(town.has_failed, webhook, tried))
            town.now_ms += round(WAITS_MS[tried - 1] * 1.2)
        until(lambda: town.row(webhook).state == "disabled")
        assert town.row(webhook).reason == "failing"
        assert (town.letters(webhook), town.row(webhook).position) == (buried, buried[0])

        town.receivers.answers = lambda heard: Says(200)
        town.book.change(town.tenant, webhook, Changed(state="active"), version=None, now_ms=town.now_ms)
        until(lambda: town.row(webhook).position == waiting[-1])
        town.replay(webhook, buried[0], buried[0])
        until(lambda: town.letters(webhook) == [])
    assert town.receivers.positions("/all")[-4:] == waiting + buried


def test_e3_gone_is_gone_until_somebody_switches_it_on(town: Town) -> None:
    webhook = town.subscribe("/all")
    (position,) = town.tell()
    town.receivers.answers = lambda heard: Says(410)
    with town.delivering():
        until(lambda: town.row(webhook).state == "disabled")
        town.tell(2)
        assert (town.row(webhook).reason, town.row(webhook).position) == ("gone", position - 1)
        town.receivers.answers = lambda heard: Says(200)
        town.book.change(town.tenant, webhook, Changed(state="active"), version=None, now_ms=town.now_ms)
        until(lambda: town.row(webhook).position == position + 2)
    assert town.receivers.positions("/all") == [position, position, position + 1, position + 2]


def test_e4_fifty_tarpits_hold_up_nobody_but_themselves(town: Town) -> None:
    """None of them ever answers while the others are told everything."""
    elsewhere = Town(pool=town.pool, lines=town.lines, receivers=town.receivers, doorbell=town.doorbell)
    tarpits = [town.subscribe(f"/tarpit/{number}") for number in range(50)]
    good = [elsewhere.subscribe(f"/good/{number}") for number in range(3)]

    def answers(heard: Heard) -> Says:
        if heard.path.startswith("/tarpit"):
            town.receivers.end.wait(PATIENCE_S)
        return Says(200)

    town.receivers.answers = answers
    stuck, first = town.tell(20), elsewhere.tell(20)
    with town.delivering():
        until(lambda: all(town.receivers.at(f"/tarpit/{number}") for number in range(50)))
        second = elsewhere.tell(20)
        until(lambda: all(elsewhere.row(each).position == second[-1] for each in good))
        assert all(town.row(each).position < stuck[0] for each in tarpits), "not one of them has answered yet"
        assert all(town.receivers.positions(f"/good/{number}") == first + second for number in range(3))
        assert all(len(town.receivers.at(f"/tarpit/{number}")) == 1 for number in range(50))
        town.receivers.end.set()
    elsewhere.unsubscribe()


def test_e4_receivers_that_were_slow_share_a_part_of_the_places(town: Town) -> None:
    """Four places, three of them for slow ones: the fourth serves everybody else, one after the other."""
    slow = [town.subscribe(f"/slow/{number}") for number in range(12)]
    stuck: list[str] = []

    def answers(heard: Heard) -> Says:
        if heard.path.startswith("/slow") and is_stuck:
            stuck.append(heard.path)
            town.receivers.end.wait(PATIENCE_S)
        return Says(500 if heard.path.startswith("/slow") else 200)

    is_stuck = False
    town.receivers.answers = answers
    town.tell()
    with town.delivering(places=4, places_of_slow_ones=3):
        until(lambda: all(town.row(each).failures == 1 for each in slow))
        is_stuck = True
        good = [town.subscribe(f"/good/{number}") for number in range(5)]
        town.now_ms += round(WAITS_MS[0] * 1.2)
        until(lambda: len(stuck) == 3)
        told = town.tell(10)
        until(lambda: all(town.row(each).position == told[-1] for each in good))
        assert len(stuck) == 3
        town.receivers.end.set()


def test_a_slow_receiver_is_given_up_after_a_while_and_tried_again(town: Town) -> None:
    webhook = town.subscribe("/all")
    town.receivers.answers = lambda heard: Says(200) if town.receivers.end.wait(PATIENCE_S) else Says(500)
    town.tell()
    with town.delivering(timeout_s=0.3):
        until(lambda: town.row(webhook).failures == 1)
        town.receivers.end.set()
    newest = (10**15, "ffffffff-ffff-ffff-ffff-ffffffffffff")
    (delivery,) = town.book.deliveries(town.tenant, webhook, before=newest, limit=10)
    assert (delivery.status, delivery.error, delivery.outcome) == (None, "no answer within 0.3 s", "failed")


def test_e4_an_answer_of_any_size_is_a_yes_of_which_a_little_is_kept(town: Town) -> None:
    webhook = town.subscribe("/all")
    town.receivers.answers = lambda heard: Says(200, {}, b"x" * 3_000_000)
    (position,) = town.tell()
    with town.delivering():
        until(lambda: town.row(webhook).position == position)
    newest = (10**15, "ffffffff-ffff-ffff-ffff-ffffffffffff")
    (delivery,) = town.book.deliveries(town.tenant, webhook, before=newest, limit=10)
    assert delivery.answer == b"x" * 512


def test_a_range_is_sent_again_under_the_same_ids(town: Town) -> None:
    webhook = town.subscribe("/all", "customer.*")
    told = town.tell(5)
    town.tell(2, "site")
    with town.delivering():
        until(lambda: town.row(webhook).position == told[-1] + 2)
        town.replay(webhook, told[1], told[-1] + 2)
        until(lambda: not town.book.errands(town.tenant, webhook))
    assert town.receivers.positions("/all") == told + told[1:]
    ids = [each.id for each in town.receivers.at("/all")]
    assert ids[1:5] == ids[5:]


def test_a_ping_is_sent_at_once_also_to_one_that_is_switched_off(town: Town) -> None:
    webhook = town.subscribe("/all")
    town.book.change(town.tenant, webhook, Changed(state="paused"), version=None, now_ms=town.now_ms)
    town.tell()
    errand = town.replay(webhook, 1, 0, "ping")
    with town.delivering():
        until(lambda: town.tries(webhook))
    assert [each.id for each in town.receivers.heard] == [f"ping_{errand}"]
    assert town.tries(webhook) == [(None, 1, "delivered")]
    assert town.book.errands(town.tenant, webhook) == []


def test_c8_a_webhook_of_somebody_who_may_subscribe_no_more_is_told_nothing(town: Town) -> None:
    town.subscribe("/dispatcher", owner=PERSON_2)
    last = town.subscribe("/erp")
    (position,) = town.tell()
    with town.delivering():
        until(lambda: town.row(last).position == position)
    assert town.receivers.at("/dispatcher") == []


def test_two_processes_share_the_lines_and_tell_nothing_twice(town: Town) -> None:
    webhooks = [town.subscribe(f"/{number}") for number in range(8)]
    with town.delivering(), town.delivering():
        told = [position for _ in range(10) for position in town.tell(5)]
        until(lambda: all(town.row(each).position == told[-1] for each in webhooks))
    assert all(town.receivers.positions(f"/{number}") == told for number in range(8))


def test_e3_whoever_stopped_for_too_long_marks_nothing_any_more(town: Town) -> None:
    webhook = town.subscribe("/all")
    town.tell()
    lines, now_ms = town.lines, town.now_ms
    first, second, third = (str(uuid.uuid4()) for _ in range(3))

    def claimed(claim: str, at_ms: int) -> bool:
        until_ms = at_ms + LEASE_MS
        return bool(lines.claim(town.tenant, claim, now_ms=at_ms, until_ms=until_ms, limit=10, slow_too=True))

    assert claimed(first, now_ms)
    assert not claimed(second, now_ms + LEASE_MS - 1)
    assert claimed(third, now_ms + LEASE_MS)
    hold = Hold(tenant=town.tenant, webhook=webhook, claim=first)
    assert lines.keep(hold, until_ms=now_ms) is None
    assert lines.pass_by(hold, town.row(webhook), 1, until_ms=now_ms) is None
    assert town.row(webhook).position == 0


def test_another_key_of_the_server_signs_nothing(town: Town) -> None:
    webhook = town.subscribe("/all", key="another")
    town.tell()
    with town.delivering():
        until(lambda: town.row(webhook).failures == 1)
    assert town.receivers.heard == []


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    made = open_secrets(tmp_path / "secrets")
    assert open_secrets(tmp_path / "secrets").name == made.name
    key = tmp_path / "secrets" / "webhooks.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    with pytest.raises(WebhookKeyUnfit, match=r"can be read by others. Run: chmod 600"):
        open_secrets(tmp_path / "secrets")
