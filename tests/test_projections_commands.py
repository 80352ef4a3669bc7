"""`cairn projections` as an operator runs it: looking, building anew, going back, comparing, taking away."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from infra.postgres.pool import connect, open_pool
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.roles import PROJECTOR
from projections.folding import Poisoned
from projections.read_model import PROJECTIONS
from tests.conftest import TestServer
from tests.devices import MINUTE, NOON, new_id
from tests.infra.event_logs import Office, in_postgres
from tests.infra.pushing import device, pushed
from tests.infra.read_models import catch_up
from tests.infra.towns import Town
from tests.test_epoch_and_durable import cairn, url_of


@pytest.fixture
def office(embedded_server: TestServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A company whose tables hold its log, of which one entity stands still; commands find it in DATABASE_URL."""
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as pool:
        monkeypatch.setenv("DATABASE_URL", url_of(dsn))
        office = in_postgres(pool, dsn).new()
        Town(office, 1).live(4)
        with open_pool(dsn, size=1, role=PROJECTOR) as projecting:
            store = PostgresStore(projecting, 1, PROJECTIONS)
            catch_up(store, office)
            visit = next(row for row in office.events() if row.entity_type == "visit")
            with store.claim(office.tenant) as claim:
                assert claim is not None
                claim.park([Poisoned(visit.entity, office.position, "a mistake")], now_ms=NOON)
        yield office


def said(*command: str) -> Any:
    result = cairn("projections", *command, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_an_operator_looks_builds_anew_goes_back_and_tidies_up(office: Office) -> None:
    (version,) = said("list")["versions"]
    (tenant,) = version["tenants"]
    assert (version["version"], version["state"], version["is_of_this_program"]) == (1, "shown", True)
    assert (tenant["position"], tenant["behind_events"], tenant["parked"]) == (office.position, 0, 1)
    assert tenant["standing_still"][0]["why"] == "a mistake"
    assert "Acme: 1 go on, 0 stand still" in cairn("projections", "retry").output
    assert said("verify")["tenants"][0]["difference"] is None

    assert said("rebuild", "--processes", "1") == {"version": 2}
    assert "Standing still" in cairn("projections", "list").output
    assert "Version 1 is what people see now." in cairn("projections", "show", "1").output
    assert "Version 2 is gone." in cairn("projections", "drop", "2").output
    assert [each["version"] for each in said("list")["versions"]] == [1]


def test_a_row_that_is_not_as_the_log_says_is_named(office: Office) -> None:
    with connect(os.environ["DATABASE_URL"], role=None) as owner:
        owner.execute("update rpt_v1.work_order set title = 'Something else'")
    result = cairn("projections", "verify")
    assert result.exit_code == 1
    assert "work_order.title" in result.output
    assert "'Something else'" in result.output
    found = json.loads(cairn("projections", "verify", "--json", "--version", "1").stdout)
    assert found["tenants"][0]["difference"]["column"] == "title"
    assert found["tenants"][0]["tenant"] == office.tenant


def test_another_policy_is_tried_on_what_has_happened(office: Office) -> None:
    job, one, other = new_id(), device(office, "one"), device(office, "two")
    created = one.create("work_order", job)
    other.see(created)
    pushed(office, [created, one.tell("work_order", job, "Edited", {"title": "Pump drips"})])
    pushed(office, [other.tell("work_order", job, "Edited", {"title": "Pump leaks"}, now_ms=NOON + MINUTE)])
    other.see(*(row.body for row in office.events() if row.entity == job))
    pushed(office, [other.tell("work_order", job, "Edited", {"title": "Pump drips"})])

    told = said("what-if", "--entity-type", "work_order", "--field", "title", "--policy", "latest")
    case = next(each for each in told["cases"] if each["entity"] == job)
    assert (case["now"], case["then"]) == (
        {"shown": "Pump leaks", "asks": True},
        {"shown": "Pump leaks", "asks": False},
    )
    assert (case["decided"], case["is_against_the_decision"]) == ("Pump drips", True)
    assert told["met"] >= told["otherwise"] == len(told["cases"])
    spoken = cairn("projections", "what-if", "--entity-type", "work_order", "--field", "title", "--policy", "latest")
    assert f"{told['against_the_decision']} of those against what people decided" in spoken.output


@pytest.mark.parametrize(
    ("entity_type", "field", "policy", "why"),
    [
        ("boat", "title", "latest", "There is nothing called 'boat'"),
        ("work_order", "status", "latest", "no matter of choice"),
        ("work_order", "title", "dice", "There is no policy 'dice'"),
    ],
)
def test_what_cannot_be_tried_is_said(entity_type: str, field: str, policy: str, why: str) -> None:
    result = cairn("projections", "what-if", "--entity-type", entity_type, "--field", field, "--policy", policy)
    assert why in str(result.exception)


IMPOSSIBLE = (
    (("show", "7"), "There is no version 7"),
    (("drop", "7"), "there is no version 7"),
    (("drop", "1"), "the one that people see"),
    (("verify", "--version", "7"), "There is no version 7"),
)


def test_what_cannot_be_done_says_what_to_do_instead(office: Office) -> None:
    del office
    for command, why in IMPOSSIBLE:
        result = cairn("projections", *command)
        assert result.exit_code != 0
        assert why in str(result.exception)
        assert "cairn projections" in str(result.exception)
