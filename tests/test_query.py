"""`cairn query`: analysts ask exported tables by SQL, and find what the tables hold."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner, Result

from cairnfield.cli import app
from cairnfield.failure import CannotGoOn
from infra.postgres.audit import PostgresAudit
from infra.postgres.pool import open_pool
from infra.postgres.read_model import queries
from infra.postgres.read_model.queries import PostgresViews
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.roles import PROJECTOR
from projections import query as asking
from projections.read_model import PROJECTIONS
from tests.conftest import TestServer
from tests.infra.event_logs import Office, in_postgres
from tests.infra.read_models import catch_up
from tests.infra.towns import Town
from tests.test_epoch_and_durable import url_of

HOW_TO: Final = Path(__file__).resolve().parents[1] / "docs" / "how-to" / "ask-an-export.md"


class Place:
    """A company whose tables hold a few days of work, and an export of them."""

    def __init__(self, office: Office, dsn: str, folder: Path) -> None:
        self.office, self.dsn, self.folder = office, dsn, folder

    def count(self, name: str) -> int:
        statement = sql.SQL("select count(*) from {} where tenant = %s")
        with psycopg.connect(self.dsn) as superuser:
            asked = statement.format(sql.Identifier("rpt_in_full", name))
            return int(superuser.execute(asked, [self.office.tenant]).fetchall()[0][0])


@pytest.fixture(scope="module")
def place(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with (
        embedded_server.database() as dsn,
        open_pool(dsn, size=2) as pool,
        open_pool(dsn, size=2, role=PROJECTOR) as projecting,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("DATABASE_URL", url_of(dsn))
        office = in_postgres(pool, dsn).new()
        Town(office, 2).live(6)
        catch_up(PostgresStore(projecting, 1, PROJECTIONS), office)
        folder = tmp_path_factory.mktemp("export")
        assert CliRunner().invoke(app, ["query", "--keep", str(folder), "--sql", "show tables"]).exit_code == 0
        yield Place(office, dsn, folder)


def cairn(*said: object, **told: Any) -> Result:
    return CliRunner().invoke(app, ["query", *map(str, said)], **told)


def rows(*said: object, **told: Any) -> list[dict[str, Any]]:
    done = cairn(*said, "--json", **told)
    assert done.exit_code == 0, (done.output, done.exception)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_every_table_is_asked_whole(place: Place) -> None:
    with open_pool(place.dsn, size=1) as pool:
        shapes = PostgresViews(pool).shapes(masked=True)
    assert {each["name"] for each in rows(place.folder, "--sql", "show tables")} == set(shapes)
    for name, shape in shapes.items():
        (counted,) = rows(place.folder, "--sql", f'select count(*) as rows from "{name}"')
        assert counted == {"rows": place.count(name)}, name
        described = rows(place.folder, "--sql", f'describe "{name}"')
        assert [each["column_name"] for each in described] == [each.name for each in shape.columns]


def test_a_table_of_many_files_is_one(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "EXPORT_ROWS_MAX", 7)
    for _ in range(2):  # the second leaves nothing of the first
        done = cairn("--keep", tmp_path, "--sql", "select 1")
        assert done.exit_code == 0, done.exception
    assert len(list(tmp_path.glob("visit-*.parquet"))) == place.count("visit") // 7 + 1
    counted = "select count(*) as rows, count(distinct id) as ids from visit"
    assert rows(tmp_path, "--sql", counted) == [{"rows": place.count("visit"), "ids": place.count("visit")}]


def test_what_tells_of_a_person_is_exported_only_when_it_is_asked_for(place: Place) -> None:
    del place
    asked = ("--sql", "describe contact")
    masked, full = ({each["column_name"] for each in rows(*said)} for said in (asked, ("--in-full", *asked)))
    assert masked < full
    assert "name" in full - masked


def test_an_export_is_noted(place: Place) -> None:
    rows("--sql", "select 1")
    with open_pool(place.dsn, size=1) as pool:
        entries = PostgresAudit(pool).entries(place.office.tenant, before=None, kind="exported", person=None, limit=1)
    assert "by `cairn query`" in entries[0].detail


def test_statements_come_from_standard_input_too(place: Place) -> None:
    assert rows(place.folder, input="select 1 as one; select 2 as two;") == [{"two": 2}]
    assert "two" in cairn(place.folder, input="select 2 as two").stdout


def test_files_of_each_kind_are_tables(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text('"a","b"\r\n1,"x"\r\n')
    (tmp_path / "two.ndjson").write_text('{"a":1,"t":"2026-01-01T12:00:00.000Z"}\n')
    joined = "select one.b, two.a, two.t is not null as told from one join two using (a)"
    assert rows(tmp_path, "--sql", joined) == [{"b": "x", "a": 1, "told": True}]
    assert rows(tmp_path / "one.csv", "--sql", "select sum(a)::bigint as a from one") == [{"a": 1}]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (("nowhere.parquet", "--sql", "select 1"), "There is no nowhere.parquet"),
        (("{folder}/x.txt", "--sql", "select 1"), "ends in none of"),
        (("{folder}/spoiled.parquet", "--sql", "select 1"), "cannot be read"),
        (("{folder}/empty", "--sql", "select 1"), "There is nothing in"),
        (("{folder}/good.csv", "--sql", "select nonsense from good"), "nonsense"),
        (("{folder}/good.csv", "--sql", "selct 1"), "syntax error"),
        (("{folder}/good.csv", "--keep", "x"), "say --keep without files"),
        (("{folder}/good.csv", "{folder}/good.ndjson", "--sql", "select 1"), "would both be good"),
        (("--tenant", "nobody", "--sql", "select 1"), "There is no tenant"),
    ],
)
def test_what_cannot_be_asked_is_said_with_why(place: Place, tmp_path: Path, said: tuple[str, ...], why: str) -> None:
    del place
    (tmp_path / "x.txt").touch()
    (tmp_path / "spoiled.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "good.csv").write_text("a\n1\n")
    (tmp_path / "good.ndjson").write_text('{"a":1}\n')
    (tmp_path / "empty").mkdir()
    failure = cairn(*(each.format(folder=tmp_path) for each in said)).exception
    assert isinstance(failure, CannotGoOn), failure
    assert why in str(failure)


def test_the_questions_of_the_how_to_have_answers(place: Place) -> None:
    asked = re.findall(r"^```sql\n(.*?)^```$", HOW_TO.read_text(), re.MULTILINE | re.DOTALL)
    assert len(asked) == 3
    for statement in asked:
        assert isinstance(rows(place.folder, "--sql", statement), list)


def test_a_question_that_takes_too_long_is_said(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    del place
    monkeypatch.setattr(queries, "STATEMENT_TIMEOUT", "set local statement_timeout = '1ms'")
    failure = cairn("--sql", "select 1").exception
    assert failure is None or "took longer than one may" in str(failure)
