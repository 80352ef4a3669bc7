"""What our recorders promise beyond the library's suites."""

import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import (
    InfrastructureFactory,
    InfrastructureFactoryError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)
from eventsourcing.utils import Environment

from infra.eventsourcing import shared
from infra.eventsourcing.factory import LogFactory
from infra.eventsourcing.office import AGGREGATE
from infra.eventsourcing.recorders import LogProcessRecorder, LogRecorder
from sync.envelope import hash_of
from sync.frames import OFFICE_SCOPE

AGGREGATE_1 = uuid.UUID("018f0000-0000-7000-8000-000000000001")


def factory(env: dict[str, str], name: str = "Bank") -> LogFactory[Any]:
    made = InfrastructureFactory[Any].construct(Environment(name, env))
    assert isinstance(made, LogFactory)
    return made


@pytest.fixture
def bank(office_env: dict[str, str]) -> Iterator[LogRecorder]:
    made = factory(office_env)
    yield made.application_recorder()
    made.close()


@pytest.fixture
def statements(office_env: dict[str, str]) -> Iterator[LogProcessRecorder]:
    made = factory(office_env, "Statements")
    yield made.process_recorder()
    made.close()


def stored(version: int, *, entity: uuid.UUID = AGGREGATE_1, state: bytes = b"{}") -> StoredEvent:
    return StoredEvent(entity, version, "bank:Opened", state)


def test_an_application_writes_as_a_replica_of_its_own(bank: LogRecorder) -> None:
    bank.insert_events([stored(1), stored(2)])
    bank.insert_events([stored(3, state=b'{"a":1}')])
    rows = bank.office.log.page(bank.office.tenant, after=0, limit=10)
    assert [(row.position, row.replica, row.seq, row.version) for row in rows] == [
        (number, bank.replica, number, number) for number in (1, 2, 3)
    ]
    assert {(row.entity_type, row.scope, row.actor) for row in rows} == {(AGGREGATE, OFFICE_SCOPE, bank.person)}
    assert {uuid.UUID(row.id).version for row in rows} == {7}
    own = bank.office.log.replica(bank.office.tenant, bank.replica)
    assert own is not None
    assert (own.person, own.last_seq, own.last_hash) == (bank.person, 3, hash_of(b'{"a":1}'))


def test_every_process_of_an_application_writes_on_with_the_same_replica(office_env: dict[str, str]) -> None:
    with ExitStack() as stack:
        for version in (1, 2, 3):
            made = factory(office_env)
            stack.callback(made.close)
            assert made.application_recorder().insert_events([stored(version)]) == [version]


def test_an_application_does_not_see_what_anothers_aggregates_say(
    bank: LogRecorder, statements: LogProcessRecorder
) -> None:
    bank.insert_events([stored(1)])
    statements.insert_events([stored(1, entity=uuid.uuid4())])
    bank.insert_events([stored(2)])
    assert [each.id for each in bank.select_notifications(None, 10)] == [1, 3]
    assert [each.id for each in statements.select_notifications(None, 10)] == [2]
    assert bank.max_notification_id() == 3


@pytest.mark.parametrize(
    "state", [b"", b"\x00", b"\xff\xfe", '{"name":"Ærø"}'.encode(), b'{"a":"\\u0000"}', b"x" * 200_000]
)
def test_any_bytes_come_back_as_they_were(bank: LogRecorder, state: bytes) -> None:
    bank.insert_events([stored(1, state=state)])
    assert [each.state for each in bank.select_events(AGGREGATE_1)] == [state]
    assert [each.state for each in bank.select_notifications(1, 1)] == [state]


@pytest.mark.parametrize("before", range(8))
def test_a_conflict_costs_nobody_who_comes_after(bank: LogRecorder, before: int) -> None:
    for version in range(1, before + 1):
        bank.insert_events([stored(version)])
    for _ in range(3):
        with pytest.raises(IntegrityError):
            bank.insert_events([stored(before + 1), stored(before + 1)])
    for version in range(before + 1, before + 8):
        assert bank.insert_events([stored(version)]) == [version]


def test_an_event_and_the_position_it_was_made_of_are_stored_together(statements: LogProcessRecorder) -> None:
    statements.insert_events([stored(1)], tracking=Tracking("Bank", 7))
    with pytest.raises(IntegrityError):
        statements.insert_events([stored(2)], tracking=Tracking("Bank", 7))
    with pytest.raises(IntegrityError):
        statements.insert_events([stored(1)], tracking=Tracking("Bank", 8))
    assert statements.max_tracking_id("Bank") == 7
    assert [each.originator_version for each in statements.select_events(AGGREGATE_1)] == [1]


def test_followers_of_one_application_do_not_disturb_each_other(office_env: dict[str, str]) -> None:
    with ExitStack() as stack:
        for name in ("Statements", "Reminders"):
            made = factory(office_env, name)
            stack.callback(made.close)
            follower = made.tracking_recorder()
            assert follower.max_tracking_id("Bank") is None
            follower.insert_tracking(Tracking("Bank", 3))


def test_text_ids_are_refused_in_words(bank: LogRecorder) -> None:
    with pytest.raises(ProgrammingError, match="text"):
        bank.insert_events([StoredEvent("account-1", 1, "bank:Opened", b"{}")])
    with pytest.raises(ProgrammingError, match="text"):
        bank.select_events("account-1")


def test_a_tenant_that_nobody_set_up_is_refused_in_words(office_env: dict[str, str]) -> None:
    if "DATABASE_URL" not in office_env:
        pytest.skip("a log in memory is set up by whoever asks for it")
    made = factory(office_env | {"CAIRN_TENANT": str(uuid.uuid4())})
    with pytest.raises(ProgrammingError, match="no tenant"):
        made.application_recorder().insert_events([stored(1)])
    made.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"CAIRN_TENANT": "acme"},
        {"CAIRN_TENANT": ""},
        {"DATABASE_URL": ""},
        {"CAIRN_POOL_SIZE": "0"},
        {"CAIRN_POOL_SIZE": "many"},
    ],
)
def test_a_setting_that_cannot_be_used_is_named(office_env: dict[str, str], wrong: dict[str, str]) -> None:
    if "DATABASE_URL" not in office_env:
        pytest.skip("a log in memory has defaults for all of them")
    with pytest.raises(InfrastructureFactoryError, match=next(iter(wrong))):
        factory(office_env | wrong)


def test_a_subscription_hears_what_another_process_wrote(office_env: dict[str, str]) -> None:
    mine, theirs = factory(office_env), factory(office_env)
    recorder, elsewhere = mine.application_recorder(), theirs.application_recorder()
    object.__setattr__(elsewhere.office, "doorbell", type(recorder.office.doorbell)())  # one that nobody here hears
    with recorder.subscribe(gt=None) as subscription:
        elsewhere.insert_events([stored(1)])
        assert next(subscription).id == 1
    for made in (mine, theirs):
        made.close()


def test_a_subscription_to_rare_topics_looks_at_an_event_once(bank: LogRecorder) -> None:
    bank.insert_events([stored(version) for version in range(1, 1_001)])
    with bank.subscribe(gt=None, topics=["bank:Closed"]) as subscription:
        bank.insert_events([StoredEvent(AGGREGATE_1, 1_001, "bank:Closed", b"{}")])
        assert next(subscription).id == 1_001
        assert vars(subscription)["_looked"] == 1_001


def test_a_stopped_subscription_ends_at_once(bank: LogRecorder) -> None:
    subscription = bank.subscribe()
    subscription.stop()
    began = time.monotonic()
    with subscription:
        assert list(subscription) == []
    assert time.monotonic() - began < 0.2


def test_applications_of_one_database_share_its_connections(office_env: dict[str, str]) -> None:
    if "DATABASE_URL" not in office_env:
        pytest.skip("a log in memory has no connections")
    with Application[uuid.UUID](office_env) as one, Application[uuid.UUID](office_env) as other:
        assert isinstance(one.recorder, LogRecorder)
        assert isinstance(other.recorder, LogRecorder)
        assert one.recorder.office.doorbell is other.recorder.office.doorbell
        one.save(Aggregate())
        one.close()
        other.save(Aggregate())
    assert office_env["DATABASE_URL"] not in vars(shared)["_open"]
    with pytest.raises(OperationalError):
        other.save(Aggregate())
