"""What a moment showed it shows again after the events of then were moved into files."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from cairnfield.cli import app
from infra.cold_file import ColdFileMissing, is_cold
from infra.postgres.milestones import PostgresMilestones
from infra.postgres.pool import open_pool
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.roles import PROJECTOR
from projections.read_model import PROJECTIONS
from tests.api.office import Office
from tests.api.signing import companies
from tests.api.test_views_as_of import Place
from tests.conftest import TestServer
from tests.devices import PERSON_1, PERSON_2, new_id
from tests.infra import event_logs
from tests.infra.long_lives import milestone_every
from tests.infra.pushing import device, pushed, verdicts
from tests.infra.read_models import catch_up
from tests.infra.towns import Town
from tests.test_epoch_and_durable import url_of


@pytest.fixture(params=[False, True], ids=["from the first event", "from milestones"])
def has_milestones(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether looks into the past begin at milestones, which are then made of events in files as well."""
    with milestone_every(2) if request.param else nullcontext():
        yield request.param


def test_views_and_entities_of_before_are_shown_from_the_files(
    embedded_server: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_milestones: bool
) -> None:
    with (
        embedded_server.database() as dsn,
        companies(dsn, tmp_path / "keys") as server,
        open_pool(dsn, size=2, role=PROJECTOR) as projecting,
    ):
        company = server.new()
        accounts: Any = company.services.accounts
        office = Office(company.client, company.services.log, accounts, company.clock, company.tenant).staff()
        for person in (PERSON_1, PERSON_2):
            accounts.add_person(company.tenant, person=person, name="Ada", role="dispatcher")
        written = event_logs.Office(log=company.services.log, tenant=company.tenant)
        store, place = PostgresStore(projecting, 1, PROJECTIONS), Place(office, dsn, {})
        town, jobs = Town(written, 1), [over(written, f"{each}ab") for each in "pq"]
        for _ in range(3):
            town.live(1)
            catch_up(store, written)
            place.then[place.ask("visit")["position"]] = place.everything()
        before = shown(office, written, [*place.then])
        archive(dsn, tmp_path, monkeypatch)
        assert {job for job in jobs if is_in_files(dsn, job)} == {*jobs}
        if has_milestones:
            (tmp_path / "archive").rename(tmp_path / "away")
            with pytest.raises(ColdFileMissing):  # and nothing is made of half a life
                PostgresMilestones(pool=projecting).keep_up(company.tenant)
            (tmp_path / "away").rename(tmp_path / "archive")
            assert not PostgresMilestones(pool=projecting).keep_up(company.tenant)
            with psycopg.connect(dsn) as superuser:
                kept = superuser.execute("select entity::text from milestone").fetchall()
            assert {*jobs} <= {entity for (entity,) in kept}
        for position, rows in place.then.items():
            assert place.everything(as_of=position) == rows
        assert shown(office, written, [*place.then]) == before


def over(written: event_logs.Office, name: str) -> str:
    """A job that somebody has told is over."""
    job, phone = new_id(), device(written, name)
    said = [phone.create("work_order", job), phone.tell("work_order", job, "Edited", {"title": "Pump stuck"})]
    said += [phone.tell("work_order", job, "WorkOrderCancelled", {"cancel_reason": "the customer has moved"})]
    assert set(verdicts(pushed(written, said, role="supervisor"))) == {"accepted"}
    return job


def shown(office: Office, written: event_logs.Office, positions: list[int]) -> list[Any]:
    """What is answered about every entity, alone and in lists, of these moments and between them."""
    found: list[Any] = []

    def ask(path: str, **query: Any) -> None:
        answer = office.get(path, role="auditor", **query)
        assert answer.status_code in {200, 404}, answer.text
        found.append((path, answer.status_code, answer.json() if answer.status_code == 200 else None))

    entities = sorted({(row.entity_type, row.entity) for row in written.events()})
    for position in positions:
        for entity_type, entity in entities:
            ask(f"/v1/entities/{entity_type}/{entity}", as_of=position)
        for entity_type in {kind for kind, _ in entities}:
            ask(f"/v1/entities/{entity_type}", as_of=position, limit=200)
        ask("/v1/audit/replay", as_of=position, limit=200)
        ask("/v1/audit/differences", since=positions[0], until=position, limit=200)
    for entity_type, entity in entities:
        ask(f"/v1/entities/{entity_type}/{entity}/history", as_of=positions[-1])
        ask(f"/v1/entities/{entity_type}/{entity}/history", as_of=positions[-1], cursor=2)
        ask(f"/v1/entities/{entity_type}/{entity}/graph", as_of=positions[-1])
    return found


def archive(dsn: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {
        "DATABASE_URL": url_of(dsn),
        "CAIRN_SECRETS_DIR": str(folder / "server"),
        "CAIRN_DATA": str(folder / "data"),
    }.items():
        monkeypatch.setenv(variable, value)
    done = CliRunner().invoke(app, ["archive", "--closed-before", "2100-01-01", "--to", str(folder / "archive")])
    assert done.exit_code == 0, (done.output, done.exception)


def is_in_files(dsn: str, entity: str) -> bool:
    with psycopg.connect(dsn) as superuser:
        found = superuser.execute("select body from event where entity = %s", [entity]).fetchall()
    return bool(found) and all(is_cold(body) for (body,) in found)
