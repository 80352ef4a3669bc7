"""The contract of `projections.store.Store`: in memory, in the embedded PostgreSQL, in the oldest that is supported."""

import threading
from collections.abc import Iterator

import orjson
import pytest

from infra.postgres.pool import open_pool
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.roles import PROJECTOR
from infra.projector import LogHasGap, ProjectionPoisoned
from projections.folding import Changes, Poisoned
from projections.read_model import PROJECTIONS
from projections.store import RowsRefused, Standing, Store
from sync.log import Changes as Stored
from sync.log import Conflicting
from sync.rows import EventRow
from tests.devices import CREATED, MORNING, NOON, PERSON_2, new_id
from tests.infra.event_logs import Office, Offices, event
from tests.infra.pushing import device, pushed
from tests.infra.read_models import LATER, StoreOf, catch_up, held, in_memory, is_right, projector
from tests.infra.towns import Town


@pytest.fixture(scope="module")
def store_of(kind: Offices) -> Iterator[StoreOf]:
    if not kind.dsn:
        yield in_memory
        return
    with open_pool(kind.dsn, size=3, role=PROJECTOR) as pool:
        store = PostgresStore(pool, 1, PROJECTIONS)
        yield lambda office: store


@pytest.fixture
def store(store_of: StoreOf, office: Office) -> Store:
    return store_of(office)


@pytest.mark.parametrize("seed", range(4))
def test_the_tables_are_what_the_log_says(store: Store, office: Office, seed: int) -> None:
    town = Town(office, seed)
    for round_ in range(4):
        town.live(4)
        catch_up(store, office, page=(7, 3, 1_000, 1)[round_])
        is_right(store, office)
    assert store.all_parked(office.tenant) == []
    found = held(store, office)
    assert all(found[table] for table in ("visit", "work_order", "visit_person", "work_order_asset", "replica_heard"))
    assert seed or found["open_conflict"]


def test_what_was_held_and_came_in_late_is_not_the_newest_of_its_replica(store: Store, office: Office) -> None:
    ada, ben, site = device(office, "adab"), device(office, "benb"), new_id()
    created = ben.create("site", site)
    ada.see(created)
    pushed(office, [ada.tell("site", site, "Edited", {"directions": "left"}), ada.create("part", new_id())])
    catch_up(store, office)
    pushed(office, [created])
    catch_up(store, office)
    is_right(store, office)
    assert [row[0:3:2] for row in store.rows(office.tenant, "replica_heard")] == [(ada.replica, 2), (ben.replica, 1)]


@pytest.mark.parametrize("page", [1, 1_000])
def test_a_change_of_plan_that_crosses_two_events_under_way_is_two_conflicts(
    store: Store, office: Office, page: int
) -> None:
    ada, ben, eve = (device(office, name) for name in ("adab", "benb", "eveb"))
    visit = new_id()
    created = ada.create("visit", visit)
    ben.see(created)
    eve.see(created)
    pushed(office, [created, ada.tell("visit", visit, "VisitReassigned", {"assignee_id": PERSON_2})], role="supervisor")
    pushed(office, [ben.tell("visit", visit, "VisitTravelStarted", {"travel_started_at": MORNING})], role="supervisor")
    pushed(office, [eve.tell("visit", visit, "VisitArrived", {"arrived_at": MORNING})], role="supervisor")
    catch_up(store, office, page=page)
    assert store.all_parked(office.tenant) == []
    is_right(store, office)
    reasons = [row[2] for row in store.rows(office.tenant, "open_conflict") if row[1] == "assignee_id"]
    assert reasons == ["reassigned_under_way"] * 2


def test_a_step_takes_in_a_page_and_says_how_far_that_is(store: Store, office: Office) -> None:
    ada = device(office, "adab")
    pushed(office, [ada.create("site", new_id()) for _ in range(5)])
    assert store.standing(office.tenant, now_ms=LATER) == Standing(0, 5, LATER - NOON - 3_600_000, 0)
    runner = projector(store, page=2)
    steps = [runner.step(office.tenant) for _ in range(4)]
    assert [(step.events, step.position) for step in steps if step] == [(2, 2), (2, 4), (1, 5), (0, 5)]
    assert store.standing(office.tenant, now_ms=LATER) == Standing(5, 5, 0, 0)


def test_g12_while_one_is_at_a_tenant_nobody_else_is(store_of: StoreOf, kind: Offices) -> None:
    one, other = kind.new(), kind.new()
    store, beside = store_of(one), store_of(other)
    pushed(one, [device(one, "adab").create("site", new_id())])
    pushed(other, [device(other, "adab").create("site", new_id())])
    with store.claim(one.tenant) as claim:
        assert claim is not None
        assert projector(store).step(one.tenant) is None
        step = projector(beside).step(other.tenant)
        assert step is not None
        assert step.position == 1
    step = projector(store).step(one.tenant)
    assert step is not None


def test_who_waits_for_a_tenant_has_it_next(store: Store, office: Office) -> None:
    pushed(office, [device(office, "adab").create("site", new_id())])
    moved: list[int] = []

    def wait() -> None:
        with store.claim(office.tenant, wait=True) as claim:
            assert claim is not None
            moved.append(claim.position)

    with store.claim(office.tenant) as claim:
        assert claim is not None
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(0.1)
        claim.move(1)
    thread.join(10)
    assert moved == [1]


def test_g11_what_fails_before_the_commit_has_not_happened(store: Store, office: Office) -> None:
    town = Town(office, 7)
    town.live(2)
    catch_up(store, office)
    before = held(store, office)
    town.live(2)
    with pytest.raises(ZeroDivisionError):
        spoil(store, office, before["replica_heard"][0][0])
    assert held(store, office) == before
    assert store.all_parked(office.tenant) == []
    catch_up(store, office)
    is_right(store, office)


def spoil(store: Store, office: Office, replica: str) -> None:
    with store.claim(office.tenant) as claim:
        assert claim is not None
        claim.write(Changes(gone={"replica_heard": [(replica,)]}))
        claim.park([Poisoned(new_id(), 1, "x")], now_ms=NOON)
        claim.move(claim.position + 1)
        raise ZeroDivisionError


def test_tables_never_go_back(store: Store, office: Office) -> None:
    pushed(office, [device(office, "adab").create("site", new_id())])
    catch_up(store, office)
    for position in (0, 1):
        with store.claim(office.tenant) as claim:
            assert claim is not None
            with pytest.raises(Conflicting):
                claim.move(position)


def test_rows_that_the_tables_refuse_leave_nothing_behind(store: Store, office: Office) -> None:
    with store.claim(office.tenant) as claim:
        assert claim is not None
        good, bad = ("w", "a"), ("w", None)
        with pytest.raises(RowsRefused):
            claim.write(Changes(written={"work_order_asset": [good, bad]}))
        claim.write(Changes(written={"work_order_asset": [("w", "b")]}))
    assert [*store.rows(office.tenant, "work_order_asset")] == [("w", "b")]


def unacceptable(office: Office, row: EventRow) -> None:
    """Put into the log what no push would accept."""
    office.store(Stored(events=[row._replace(position=office.position + 1)]))


def site_without_a_name(office: Office) -> tuple[str, str]:
    """Two sites, of which the second was created without a name; both have more events later."""
    ada, fine, broken = device(office, "adab"), new_id(), new_id()
    pushed(office, [ada.create("site", fine)])
    raw = ada.create("site", broken, {**CREATED["site"]})
    spoilt = orjson.loads(raw)
    del spoilt["data"]["name"]
    body = orjson.dumps(spoilt, option=orjson.OPT_SORT_KEYS)
    row = {"replica": ada.replica, "seq": 90, "entity": broken, "scope": f"site:{broken}", "body": body}
    unacceptable(office, event(1, **row))
    spoilt["seq"], spoilt["type"], spoilt["data"] = 91, "Edited", {"directions": "left"}
    row["body"] = orjson.dumps(spoilt, option=orjson.OPT_SORT_KEYS)
    unacceptable(office, event(1, **{**row, "seq": 91, "version": 2}))
    eve = device(office, "eveb")
    eve.see(raw.replace(broken.encode(), fine.encode()))
    pushed(office, [eve.create("part", new_id())])
    return fine, broken


@pytest.mark.parametrize("page", [1, 2, 1_000])
def test_b14_an_entity_that_cannot_be_shown_stands_still_and_all_others_go_on(
    store: Store, office: Office, page: int
) -> None:
    fine, broken = site_without_a_name(office)
    catch_up(store, office, page=page)
    (parked,) = store.all_parked(office.tenant)
    assert (parked.entity, parked.position, parked.parked_at_ms) == (broken, 2, LATER)
    assert "name" in parked.why
    assert store.standing(office.tenant, now_ms=LATER) == Standing(4, 4, 0, 1)
    assert [row[0] for row in store.rows(office.tenant, "site")] == [fine]
    assert len([*store.rows(office.tenant, "part")]) == 1


def test_what_stands_still_goes_on_when_it_can(store: Store, office: Office) -> None:
    town = Town(office, 3)
    town.live(3)
    catch_up(store, office)
    entity = next(row.entity for row in office.events() if row.entity_type == "visit")
    with store.claim(office.tenant) as claim:
        assert claim is not None
        claim.park([Poisoned(entity, claim.position, "a mistake that was mended since")], now_ms=NOON)
    town.live(6)
    catch_up(store, office)
    assert [each.entity for each in store.all_parked(office.tenant)] == [entity]
    assert projector(store).retry(office.tenant) == 1
    assert store.all_parked(office.tenant) == []
    is_right(store, office)


def test_what_still_cannot_be_shown_goes_on_standing_still(store: Store, office: Office) -> None:
    _, broken = site_without_a_name(office)
    catch_up(store, office)
    assert projector(store).retry(office.tenant) == 0
    assert [each.entity for each in store.all_parked(office.tenant)] == [broken]


@pytest.mark.parametrize("page", [1, 1_000])
def test_where_nothing_may_be_left_out_poison_stops_everything_and_is_named(
    store: Store, office: Office, page: int
) -> None:
    _, broken = site_without_a_name(office)
    runner = projector(store, page=page, is_strict=True)
    if page == 1:
        runner.step(office.tenant)
    with pytest.raises(ProjectionPoisoned, match=f"event 2 of entity {broken}"):
        runner.step(office.tenant)
    assert store.standing(office.tenant, now_ms=LATER).position == (1 if page == 1 else 0)
    assert store.all_parked(office.tenant) == []


def test_a_hole_in_the_log_is_an_incident(office: Office, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ben = device(office, "ben")
    pushed(office, [ben.create("site", new_id()) for _ in range(3)])
    with store.claim(office.tenant) as claim:
        assert claim is not None
        page = [row for row in claim.page(10) if row.position != 2]
        monkeypatch.setattr(type(claim), "page", lambda *_: page)
    with pytest.raises(LogHasGap, match="hold position 2, it holds 3"):
        projector(store).step(office.tenant)
