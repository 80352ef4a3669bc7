"""`cairn replay` as an auditor runs it: what the log comes to at any moment, and whether the server shows that."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner, Result

from cairnfield.cli import app
from cairnfield.failure import CannotGoOn
from infra.postgres.audit import PostgresAudit
from infra.postgres.milestones import PostgresMilestones
from infra.postgres.pool import open_pool
from infra.postgres.roles import PROJECTOR
from sync import shown, state_codec
from sync.as_of import applied
from tests.conftest import TestServer
from tests.devices import CREATED, new_id
from tests.infra.event_logs import Office, in_postgres
from tests.infra.long_lives import milestone_every
from tests.infra.pushing import device, pushed


@pytest.fixture
def office(embedded_server: TestServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A company with two sites, one of which was edited, in a database that commands find in DATABASE_URL."""
    with embedded_server.database() as dsn:
        told = conninfo_to_dict(dsn)
        url = f"postgresql:///{told.pop('dbname')}?" + "&".join(f"{name}={value}" for name, value in told.items())
        monkeypatch.setenv("DATABASE_URL", url)
        with open_pool(dsn, size=2) as pool:
            made = in_postgres(pool, dsn).new()
            phone = device(made, "eve")
            one, other = new_id(), new_id()
            said = (
                (one, "Created", CREATED["site"]),
                (other, "Created", CREATED["site"]),
                (one, "Edited", {"directions": "over the bridge"}),
            )
            pushed(made, [phone.tell("site", *each) for each in said])
            yield made


def cairn(*said: str) -> Result:
    return CliRunner().invoke(app, ["replay", *said])


def folded(office: Office, position: int) -> dict[str, Any]:
    states: dict[str, Any] = {}
    for row in office.log.page(office.tenant, after=0, limit=position):
        states[row.entity] = applied(states.get(row.entity), row)
    return states


def test_the_log_is_folded_up_to_every_moment(office: Office, tmp_path: Path) -> None:
    for position in range(1, office.position + 1):
        done = cairn("--as-of", str(position), "--json", "--out", str(tmp_path / "all"))
        assert done.exit_code == 0, done.output
        told, states = json.loads(done.output), folded(office, position)
        assert told["as_of"]["position"] == position
        assert told["by_type"] == {"site": len(states)}
        hashed = [(entity, state_codec.encode(state)) for entity, state in states.items()]
        assert told["state_hash"] == state_codec.state_hash(hashed)
        assert told.get("is_as_shown") is (True if position == office.position else None)
        written = [json.loads(line) for line in (tmp_path / "all").read_text().splitlines()]
        assert {each["id"]: each["values"] for each in written} == {
            entity: shown.values(state) for entity, state in states.items()
        }


def test_one_entity_is_told_as_it_was(office: Office) -> None:
    entity = office.events()[0].entity
    before, after = (json.loads(cairn("--entity", entity, "--as-of", moment).output) for moment in ("2", "3"))
    assert "directions" not in before["values"]
    assert after["values"]["directions"] == "over the bridge"
    assert (before["version"], after["version"]) == (1, 2)


def test_what_the_server_shows_and_the_log_does_not_say_is_found(office: Office) -> None:
    assert "That is what the server shows" in cairn().output
    with psycopg.connect(os.environ["DATABASE_URL"]) as superuser:
        superuser.execute(
            "update entity set state = convert_to(replace(convert_from(state, 'UTF8'), 'east', 'west'), 'UTF8')"
        )
    done = cairn()
    assert done.exit_code == 1
    assert "not the fold of its log" in done.output


def test_a_milestone_that_the_log_does_not_come_to_is_found(office: Office) -> None:
    with milestone_every(2):
        with open_pool(os.environ["DATABASE_URL"], size=1, role=PROJECTOR) as pool:
            PostgresMilestones(pool=pool).keep_up(office.tenant)
        done = cairn("--json")
        assert (done.exit_code, json.loads(done.output)["wrong_milestones"]) == (0, [])
        with psycopg.connect(os.environ["DATABASE_URL"]) as superuser:
            changed = superuser.execute(
                "update milestone set state = convert_to(replace(convert_from(state, 'UTF8'), 'east', 'west'), 'UTF8')"
            )
            assert changed.rowcount == 1
        entity, done = office.events()[2].entity, cairn("--json")
        assert done.exit_code == 1
        assert json.loads(done.output)["wrong_milestones"] == [{"entity": entity, "version": 2, "position": 3}]
        assert f"The milestone of {entity} at position 3 is not the fold" in cairn().output
        assert json.loads(cairn("--as-of", "2", "--json").output)["wrong_milestones"] == []


def test_that_it_was_replayed_is_noted(office: Office) -> None:
    cairn("--as-of", "2")
    with open_pool(os.environ["DATABASE_URL"], size=1) as pool:
        (entry,) = PostgresAudit(pool).entries(office.tenant, before=None, kind="replay_read", person=None, limit=9)
    assert "everything, as of position 2" in entry.detail


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (["--as-of", "99"], "the log ends at 3"),
        (["--as-of", "0"], "before the beginning"),
        (["--as-of", "noon"], "neither a position nor a time"),
        (["--entity", "x"], "is no id"),
        (["--entity", "01900000-0000-7000-8000-00000000ffff"], "no entity"),
    ],
)
def test_what_cannot_be_replayed_is_said_with_why(office: Office, said: list[str], why: str) -> None:
    del office
    failure = cairn(*said).exception
    assert isinstance(failure, CannotGoOn)
    assert why in str(failure)
