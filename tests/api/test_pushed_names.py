"""What a pushed event names beside what is one's own: one name of another company, or of a job that is not ours to see.

Work is done offline, so an event may name what the server has not heard of yet. What is another company's is therefore
taken, set aside or waited for exactly like what nobody has, changes nothing of theirs, and whoever reads it afterwards
finds the name that was said, and nothing of what it is the name of.
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any, Final

import psycopg
import pytest

from commands.references import REFERS_TO
from domain.people import Role
from tests.api.office import NDJSON
from tests.api.two_companies import Place, Towns, in_common, two_companies
from tests.conftest import TestServer
from tests.devices import CREATED, ELSEWHERE, PERSON_1, Device, new_id

PUSHING: Final[tuple[Role, ...]] = ("technician", "dispatcher", "supervisor", "admin", "integration")
_IN_THE_FIELD: Final = [kind for kind in CREATED if kind not in ("person", "device", "case")]
_NAMES: Final = map("".join, product("pushes", *["abcdefgh"] * 3))
_SAYS_MORE: Final = {
    "asset": ("parent_id",),
    "visit": ("assignee_id",),
    "part_use": ("visit_id", "stock_location_id"),
    "attachment": ("redacted_of",),
    "stock_location": ("owner_id",),
}
"""Ids that need not be said."""
_EDITED: Final = {
    "customer": {"name": "x"},
    "site": {"name": "x"},
    "asset": {"model": "x"},
    "work_order": {"description": "x"},
}
_NOT_THE_SAME: Final = re.compile(r'"(position|head|version|seq)":\d+|"effective":"[0-9a-f]+"|"case":"[a-z0-9-]+"')
LIVES_THERE: Final = re.compile(r"(visit|checklist_answer|signature|time_entry|part_use)\.work_order_id|.*\.home")
"""Events that tell something in the scope of the job that they name."""


@pytest.fixture(scope="module")
def towns(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Towns]:
    with embedded_server.database() as dsn, two_companies(dsn, tmp_path_factory.mktemp("keys")) as made:
        yield made


class HandingIn:
    """Somebody's replica, of whose events each names one thing that is at another place, and our own in all else."""

    def __init__(self, towns: Towns, role: Role, place: Place) -> None:
        self.towns, self.role, self.place = towns, role, place
        company = towns.ours.company
        self.person, self.device = company.people[role], Device(next(_NAMES))
        company.services.log.mint(
            company.tenant, replica=self.device.replica, person=self.person, name="x", now_ms=company.clock.ms
        )
        self.said: set[str] = set()

    def there(self, kind: str) -> str:
        """The name of something at the place."""
        match kind:
            case "replica":
                town = self.towns.theirs if self.place == "foreign" else self.towns.ours
                name = "rnobodyaaaaaa" if self.place == "nowhere" else self.case_there(town).rpartition("-")[0]
            case "event":
                name = self.event_there()
            case _:
                name = self.towns.of(kind, self.place)
        self.said.add(name)
        return name

    def case_there(self, town: Any) -> str:
        return str(town.ids["own" if self.place == "foreign" else self.place]["case"])

    def event_there(self) -> str:
        with psycopg.connect(self.towns.dsn) as superuser:
            tenant = self.towns.tenant(self.place)
            found = superuser.execute("select id::text from event where tenant = %s order by 1", [tenant]).fetchall()
        return str(found[PUSHING.index(self.role)][0]) if found else new_id()

    def ours(self, kind: str) -> dict[str, Any]:
        """What is said to create that kind, of our own things alone."""
        ids, told = self.towns.ours.ids["own"], dict(CREATED[kind])
        for name, value in told.items():
            if value == ELSEWHERE:
                told[name] = ids[REFERS_TO[name]]
            elif value == PERSON_1:
                told[name] = self.person
        if "home" in told:
            job = ids["work_order"]
            told |= {"home": f"work_order:{job}", "target": {"type": "work_order", "id": job}}
        return told

    def events(self) -> Iterator[tuple[str, bytes]]:
        """Each by what it names, and where."""
        for kind in _IN_THE_FIELD:
            told = self.ours(kind)
            for name in [*(each for each in told if each in REFERS_TO), *_SAYS_MORE.get(kind, ())]:
                made = new_id()
                yield f"{kind}.{name}", self.device.create(kind, made, {**told, name: self.there(REFERS_TO[name])})
                if kind == "work_order":  # a visit lets its assignee into what the job names
                    visit = {"work_order_id": made, "assignee_id": self.person}
                    yield f"a visit of that {name}", self.device.create("visit", new_id(), visit)
            if "home" in told:
                job = self.there("work_order")
                yield f"{kind}.home", self.device.create(kind, new_id(), {**told, "home": f"work_order:{job}"})
                target = {"type": "work_order", "id": job}
                yield f"{kind}.target", self.device.create(kind, new_id(), {**told, "target": target})
        for kind, data in _EDITED.items():
            yield f"edited {kind}", self.device.tell(kind, self.there(kind), "Edited", data)
        told, clock = self.ours("work_order"), {self.there("replica"): 1}
        yield "event", self.device.tell("work_order", new_id(), "Created", told, event_id=self.there("event"))
        yield "clock", self.device.tell("work_order", new_id(), "Created", told, clock=clock)

    def handed_in(self) -> dict[str, str]:
        """By what each event names, what was answered, but for that name and what no two answers share."""
        answers: dict[str, str] = {}
        for name, raw in self.events():
            answer = self.towns.ours.ask("POST", "/v1/sync/push", self.role, raw, {"Content-Type": NDJSON})
            assert answer.status_code == 200, (name, answer.text)
            said = set(re.findall(r"[0-9a-f-]{36}|r[a-z2-7]{12}", raw.decode()))
            self.shows_nothing_of_theirs(answer.text, said)
            status, text = in_common(answer, *said)
            answers[name] = f"{status} {_NOT_THE_SAME.sub('', text)}"
        return answers

    def shows_nothing_of_theirs(self, text: str, said: set[str]) -> None:
        leaked = [each for each in self.towns.theirs.secrets if each in text and each not in said]
        assert not leaked

    def read(self) -> Iterator[str]:
        """All that whoever handed it in can read."""
        ask, replica = self.towns.ours.ask, self.device.replica
        cursor = 0
        while True:
            page = ask("GET", f"/v1/sync/pull?cursor={cursor}&replica={replica}", self.role)
            if not page.is_success:
                break
            yield page.text
            told = re.findall(r'"cursor":(\d+)', page.text)
            if not told or int(told[-1]) == cursor:
                break
            cursor = int(told[-1])
        for kind in _IN_THE_FIELD:
            yield ask("GET", f"/v1/entities/{kind}?limit=200", self.role).text
        for view in ("work_board", "conflict_inbox", "work_order", "asset_history"):
            yield ask("GET", f"/v1/views/{view}?limit=200", self.role).text


@pytest.mark.parametrize("role", PUSHING)
def test_c2_c3_what_is_pushed_about_another_companys_is_taken_like_what_is_about_nobodys(
    towns: Towns, role: Role
) -> None:
    before = towns.theirs.rows()
    foreign, nowhere = (HandingIn(towns, role, place) for place in ("foreign", "nowhere"))
    assert foreign.handed_in() == nowhere.handed_in()
    assert towns.theirs.rows() == before
    read = list(foreign.read())
    for text in read:
        foreign.shows_nothing_of_theirs(text, foreign.said)
        assert "secret of their town" not in text
    assert any(each in text for text in read for each in foreign.said), "what was said of it can be read again"


def test_c4_what_is_pushed_about_a_job_that_is_not_ones_own_is_set_aside_like_what_is_about_nobodys(
    towns: Towns,
) -> None:
    beyond, nowhere = (HandingIn(towns, "technician", place).handed_in() for place in ("out of scope", "nowhere"))
    judged = [name for name in beyond if LIVES_THERE.fullmatch(name)]
    assert len(judged) == 7
    for name in judged:
        assert '"verdict":"quarantined"' in beyond[name], beyond[name]
        assert "out_of_scope" in beyond[name], beyond[name]
    # A job, an event and a replica of one's own company are told from what is not there: by whoever has their id.
    told_apart = {"edited work_order", "event", "clock"}
    assert {name for name in beyond if beyond[name] != nowhere[name]} == told_apart
    assert "out_of_scope" in beyond["edited work_order"]


def test_c1_a_replica_of_another_company_is_nobodys_here(towns: Towns) -> None:
    """Whoever pushes under it is answered as if nobody had it."""
    before, answers = towns.theirs.rows(), []
    for replica in (towns.theirs.ids["own"]["case"].rpartition("-")[0], "rnobodyaaaaaa"):
        device = Device(replica.removeprefix("r"))
        raw = device.create("customer", new_id())
        answer = towns.ours.ask("POST", "/v1/sync/push", "supervisor", raw, {"Content-Type": NDJSON})
        answers.append(in_common(answer, replica))
    assert answers[0] == answers[1]
    assert answers[0][0] == 403
    assert towns.theirs.rows() == before
