"""The past of an entity on the command line: the same answers as over HTTP, and noted as there."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner, Result

from cairnfield import looking_back as command_line
from cairnfield.cli import app
from cairnfield.failure import CannotGoOn
from commands import looking_back
from tests.api.signing import companies
from tests.api.test_history import JOBS, SVG, Past
from tests.conftest import TestServer
from tests.test_epoch_and_durable import url_of

NOBODY: Final = "01900000-0000-7000-8000-00000000ffff"


@pytest.fixture(scope="module")
def past(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    with (
        embedded_server.database() as dsn,
        companies(dsn, tmp_path_factory.mktemp("keys")) as server,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("DATABASE_URL", url_of(dsn))
        yield Past(server.new(), dsn)


def cairn(*said: object) -> Result:
    return CliRunner().invoke(app, [*map(str, said)])


def told(*said: object) -> Any:
    done = cairn(*said, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def plain(*said: object) -> str:
    done = cairn(*said)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def over_http(past: Past, path: str, **query: Any) -> Any:
    return past.get(f"{JOBS}/{past.job}{path}", **query)


def test_a_command_tells_what_the_route_tells(past: Past) -> None:
    assert told("history", past.job) == over_http(past, "/history", limit=50)
    assert told("history", past.job, "--field", "title", "--as-of", 3) == over_http(
        past, "/history", field="title", as_of=3
    )
    assert told("why", past.job, "title") == over_http(past, "/why/title")
    assert told("diff", past.job, "--since", 2, "--until", 5) == over_http(past, "/differences", since=2, until=5)
    assert told("diff", past.job) == over_http(past, "/differences")
    assert told("graph", past.job, "--as-of", 4) == over_http(past, "/graph", as_of=4)


def test_all_that_changed_is_told_as_the_route_tells_it_however_many_pages_it_has(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_line, "CHANGED_AT_ONCE", 1)
    for query in ({}, {"since": 2}, {"since": 2, "until": 5}, {"until": 3}):
        items, following = list[Any](), 0
        while following is not None:
            page = past.get("/v1/audit/differences", limit=2, cursor=following, **query)
            items, following = items + page["items"], page["next"]
        said = [word for name, value in query.items() for word in (f"--{name}", value)]
        assert told("diff", *said) == {**page, "items": items}
        assert items
    assert past.notes("differences_read")[0] == "everything since 0, as of position 3, by `cairn`"


def test_a_person_reads_all_that_changed(past: Past) -> None:
    everything = plain("diff")
    assert f"work_order {past.job} is new: " in everything
    assert 'title: null -> "' in everything
    assert plain("diff", "--since", past.head) == "Nothing was written.\n"
    assert "Swap them" in str(cairn("diff", "--since", 3, "--until", 2).exception)


def test_a_person_reads_who_wrote_what_and_what_they_did_not_know(past: Past) -> None:
    history = plain("history", past.job)
    assert "Created by A dispatcher" in history
    assert 'title: "Pump leaks" -> "Pump stuck"' in history
    assert "not knowing of 1 before it" in history
    assert 'title shows "Filter <clogged>"' in plain("why", past.job, "title")
    assert "Nothing is shown otherwise" in plain("diff", past.job, "--since", past.head)


def test_the_picture_is_that_of_the_route(past: Past, tmp_path: Path) -> None:
    out = tmp_path / "job.svg"
    assert "events of 2 devices" in plain("graph", past.job, "--out", out)
    drawn = out.read_text()
    assert ET.fromstring(drawn).tag == f"{SVG}svg"
    assert drawn == past.office.get(f"{JOBS}/{past.job}/graph.svg", role="auditor").text
    assert plain("graph", past.job, "--out", "-") == drawn + "\n"


def test_that_somebody_looked_by_a_command_is_noted(past: Past) -> None:
    for kind, said in (
        ("history_read", ("history", past.job, "--field", "title")),
        ("why_read", ("why", past.job, "title")),
        ("differences_read", ("diff", past.job, "--since", 2)),
        ("graph_read", ("graph", past.job)),
    ):
        told(*said)
        assert f"work_order {past.job}" in past.notes(kind)[0]
        assert past.notes(kind)[0].endswith("by `cairn`")


def test_what_is_too_long_to_be_explained_is_said_with_what_to_ask_instead(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_back, "EXPLAINED_EVENTS_MAX", 3)
    failure = cairn("why", past.job, "title").exception
    assert isinstance(failure, CannotGoOn)
    assert "This work_order is too long for that" in str(failure)
    assert "before position 5" in str(failure)


def test_a_long_history_is_told_whole(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = told("history", past.job)
    monkeypatch.setattr("cairnfield.looking_back.STEPS_AT_ONCE", 2)
    assert told("history", past.job) == whole


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (("history", "x"), "is no id"),
        (("history", NOBODY), "There is no entity"),
        (("history", "JOB", "--field", "colour"), "has no field 'colour'. It has: "),
        (("why", "JOB", "colour"), "has no field"),
        (("history", "JOB", "--as-of", "999999"), "the log ends at"),
        (("diff", "JOB", "--since", "5", "--until", "2"), "Swap them"),
        (("graph", "JOB"), "--out FILE.svg"),
        (("graph", "JOB", "--json", "--out", "x.svg"), "--out FILE.svg"),
    ],
)
def test_what_cannot_be_told_is_said_with_what_to_do(past: Past, said: tuple[str, ...], why: str) -> None:
    failure = cairn(*(past.job if each == "JOB" else each for each in said)).exception
    assert isinstance(failure, CannotGoOn)
    assert why in str(failure)
