"""Two companies on one server with the same kinds of things each, and every request that a route can be asked.

Whatever takes an id is asked for four things: what somebody works on, what others of the company work on, what another
company works on, and what is not there at all.
"""

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import httpx
import orjson
import psycopg

from api import access_token, base64url
from commands.references import REFERS_TO
from domain.people import Role
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.pool import open_pool
from infra.postgres.read_model.store import PostgresStore
from infra.postgres.roles import PROJECTOR
from infra.postgres.schema import metadata
from projections.read_model import PROJECTIONS
from tests.api.office import NDJSON, ROLES
from tests.api.signing import Company, Session, companies
from tests.devices import CREATED, PERSON_1, Device, new_id
from tests.infra.read_models import projector

Route = tuple[str, str]
Spot = tuple[str | int, ...]
"""Where one id stands in a request: `path` or `body`, and the parameter or the members that lead to it."""
Place = Literal["own", "out of scope", "foreign", "nowhere"]
Stranger = Literal["nobody", "expired", "revoked", "for another audience", "a device without a token"]
STRANGERS: Final[tuple[Stranger, ...]] = (
    "nobody", "expired", "revoked", "for another audience", "a device without a token"
)  # fmt: skip
SIGNS_OUT: Final = "/v1/sign-out"
"""Everywhere, if it is told so: then nobody has a session of their own to name any more."""
ENDLESS: Final = ("GET", "/v1/sync/live")
"""Its answer never ends where it is given; tests/api/test_live.py holds it to whom it is given to."""

NO_IDS: Final = {"entity_type": "work_order", "field": "title", "view": "work_order"}
"""Parameters of paths that are the same everywhere."""
_OF_TILES: Final = {"level": "0", "number": "0"}
"""Of those every log has."""
_RESUBMITTED: Final = {"entity_type": "work_order", "entity_id": new_id(), "type": "Edited", "data": {"title": "Pump"}}
_INSTEAD: Final = {("POST", "/v1/quarantine/{case}/resubmit"): _RESUBMITTED}
"""What is said where the contract's example is a shape, and no event that there is."""
_DECIDES: Final = "decider"
"""A kind of id: of somebody who looks after cases, as technicians do not."""
OF_WHAT_IS_MADE: Final[Spot] = ("body", "id")
"""Which id a record is to have, where whoever orders it says so."""
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NEVER_TWICE: Final = re.compile(r'"request_id":"[0-9a-f]+"|"challenge": "[^"]+"')
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_REPLICA_OF: Final = {"our town": ("rourtownaaaa", "rourtechaaaa"), "their town": ("rtheirtownaa", "rtheirtechaa")}
_NOWHERE: Final = {"case": "rnobodyaaaaaa-1", "credential": "bm9ib2R5cyBwYXNza2V5"}
"""Ids of things that are not there, where such an id is no UUID."""
_IN_ORDER: Final = (
    *("customer", "contact", "site", "asset", "meter_reading", "work_order", "visit", "checklist_template"),
    *("part", "stock_location", "checklist_answer", "note", "attachment", "signature", "time_entry", "part_use"),
)


@dataclass
class Town:
    """One company, and by place and kind the id of everything that it has."""

    name: str
    company: Company
    dsn: str
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    ids: dict[Place, dict[str, str]] = field(default_factory=lambda: {"own": {}, "out of scope": {}})
    device: Session | None = None

    @property
    def secrets(self) -> frozenset[str]:
        """What stands in no answer to anybody else: names, and ids."""
        ids = {each for place in self.ids.values() for each in place.values()}
        return frozenset({f"secret of {self.name}", self.company.tenant, *self.company.people.values(), *ids})

    def settle(self) -> "Town":
        """Let somebody work here on one job, others on another, and something of each kind be there."""
        accounts, now_ms = self.company.services.accounts, self.company.clock.ms
        assert isinstance(accounts, PostgresAccounts)
        for role in ROLES:
            self.tokens[role] = accounts.issue(self.company.tenant, self.company.people[role], now_ms=now_ms)
        self._write("own", self.company.people["technician"], _REPLICA_OF[self.name][0])
        self._write("out of scope", None, _REPLICA_OF[self.name][1])
        self.ids["own"][_DECIDES] = self.company.people["dispatcher"]
        self.ids["out of scope"][_DECIDES] = self.company.people["supervisor"]
        self._sign_in_with_devices()
        self._strangers(accounts, now_ms)
        return self

    def _write(self, place: Place, assignee: str | None, replica: str) -> None:
        """What a supervisor hands in of one job, from which one event is set aside."""
        device, people = Device(replica.removeprefix("r")), self.company.people
        mint = self.company.services.log.mint
        mint(self.company.tenant, replica=device.replica, person=people["supervisor"], name="x", now_ms=1)
        ids = self.ids[place]
        ids |= {kind: new_id() for kind in _IN_ORDER}
        raws = [device.create(kind, ids[kind], self._said(kind, ids, assignee)) for kind in _IN_ORDER]
        raws.append(device.tell("work_order", ids["work_order"], "Created", CREATED["work_order"]))
        answer = self.ask("POST", "/v1/sync/push", "supervisor", b"\n".join(raws), {"Content-Type": NDJSON}).json()
        verdicts = [each["verdict"] for each in answer["verdicts"]]
        assert set(verdicts[:-1]) == {"accepted"}, answer
        assert verdicts[-1] == "quarantined", answer["verdicts"][-1]
        ids["case"] = f"{device.replica}-{len(raws)}"

    def _said(self, kind: str, ids: Mapping[str, str], assignee: str | None) -> dict[str, Any]:
        told = dict(CREATED[kind])
        told |= {f"{each}_id": ids[each] for each in ids if f"{each}_id" in told}
        if "template_id" in told:
            told["template_id"] = ids["checklist_template"]
        if "home" in told:
            job = ids["work_order"]
            told |= {"home": f"work_order:{job}", "target": {"type": "work_order", "id": job}}
        if told.get("person_id") == PERSON_1:
            told["person_id"] = assignee or self.company.people["supervisor"]
        if kind == "visit" and assignee:
            told["assignee_id"] = assignee
        for name in ("name", "title", "body", "sku", "key"):
            if name in told:
                told[name] = f"secret of {self.name}"
        return told

    def _sign_in_with_devices(self) -> None:
        places: tuple[tuple[Place, Role], ...] = (("own", "technician"), ("out of scope", "supervisor"))
        for place, role in places:
            session = self.company.device(role)
            assert session.device is not None
            self.ids[place]["device"] = session.device
            sessions = self.company.ask("GET", "/v1/me/sessions", token=session.access, key=session.key).json()
            self.ids[place]["session"] = next(iter(_UUID.findall(json.dumps(sessions))))
            self.device = self.device or session
            self.ids[place]["person"] = self._person()
            self.ids[place]["credential"] = self._passkey(self.company.people[role])
            self.ids[place]["client"] = self._made("service-accounts", {"name": "x", "scopes": ["proj:read"]})
            hook = {"url": "https://erp.example.com/", "name": f"secret of {self.name}"}
            self.ids[place]["webhook"] = self._made("webhooks", hook)

    def _made(self, collection: str, said: Mapping[str, Any]) -> str:
        made = self.ask("POST", f"/v1/{collection}", "admin", orjson.dumps(said))
        assert made.status_code in (200, 201), made.text
        return str(_UUID.findall(made.text)[0])

    def _person(self) -> str:
        person = new_id()
        self.company.services.accounts.add_person(
            self.company.tenant, person=person, name=f"secret of {self.name}", role="technician"
        )
        return person

    def _passkey(self, person: str) -> str:
        credential = uuid.uuid4().bytes
        with psycopg.connect(self.dsn) as superuser:
            superuser.execute(
                "insert into passkey (tenant, credential, person, public_key, uses, name, added_at)"
                " values (%s, %s, %s, '', 0, %s, now())",
                [self.company.tenant, credential, person, f"secret of {self.name}"],
            )
        return base64url.spelled(credential)

    def _strangers(self, accounts: PostgresAccounts, now_ms: int) -> None:
        tenant, person = self.company.tenant, self.company.people["supervisor"]
        self.tokens["expired"] = accounts.issue(tenant, person, now_ms=now_ms - 2, expires_at_ms=now_ms - 1)
        self.tokens["revoked"] = accounts.issue(tenant, person, now_ms=now_ms)
        with psycopg.connect(self.dsn) as superuser:
            superuser.execute(
                "delete from access_token where ctid = (select max(ctid) from access_token where tenant = %s)", [tenant]
            )
        session = self.company.session("supervisor")
        claims = access_token.read(session.access, self.company.keyring, now_ms=now_ms)
        elsewhere = claims.model_copy(update={"aud": "another-api"})
        self.tokens["for another audience"] = access_token.spell(elsewhere, self.company.keyring)

    def ask(
        self, method: str, path: str, who: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """A request of somebody here, by their role or as one of the STRANGERS."""
        sent = {"Idempotency-Key": str(uuid.uuid4()), "If-Match": "*", **(headers or {})}
        if body is not None:
            sent = {"Content-Type": "application/json", **sent}
        if who in self.tokens:
            sent["Authorization"] = f"Bearer {self.tokens[who]}"
        if who == "a device without a token":
            assert self.device is not None
            sent["DPoP"] = self.device.key.proof(method, path.partition("?")[0], now_ms=self.company.clock.ms)
        return self.company.client.request(method, path, content=body, headers=sent)

    def rows(self) -> dict[str, Any]:
        """Everything that the database holds of this company, as a sum for each table."""
        with psycopg.connect(self.dsn) as superuser:
            return {
                table: superuser.execute(
                    f"select count(*), md5(string_agg(t::text, '' order by t::text)) from {table} t where tenant = %s",
                    [self.company.tenant],
                ).fetchone()
                for table in metadata.tables
            }


@dataclass
class Towns:
    """Two companies, and what can be asked of the server that they share."""

    ours: Town
    theirs: Town
    document: dict[str, Any]
    dsn: str

    def named(self, template: str, place: Place, at: Spot | None = None) -> dict[str, str]:
        """The parameters of a path by name, of that place; fails for a kind of id that nobody has here.

        With `at`, one id alone is of that place, and all others are our own.
        """
        chosen = _chosen(place, at)
        return {name: self._id(template, name, chosen(("path", name))) for name in _PARAMETER.findall(template)}

    def _id(self, template: str, parameter: str, place: Place) -> str:
        if parameter in NO_IDS:
            return NO_IDS[parameter]
        if parameter in _OF_TILES:
            return _OF_TILES[parameter] if place == "own" else "777777"
        return self.of(self.kind_at(template, ("path", parameter)), place)

    def of(self, kind: str, place: Place) -> str:
        """The id of something of that kind at a place."""
        match place:
            case "foreign":
                return self.theirs.ids["own"][kind]
            case "nowhere":
                return _NOWHERE.get(kind) or new_id()
            case _:
                return self.ours.ids[place][kind]

    def body(self, route: Route, place: Place, *, whole: bool = True, at: Spot | None = None) -> bytes | None:
        """The example that the contract gives for a body, in which every id is one of that place, or the one at a
        spot: all that can be said, or what must be."""
        method, path = route
        said = self.document["paths"].get(path, {}).get(method.lower(), {}).get("requestBody")
        if said is None:
            return None
        kind, media = next(iter(said["content"].items()))
        if kind != "application/json":
            return b""
        examples = {name: _INSTEAD.get(route, each["value"]) for name, each in media["examples"].items()}
        is_whole = whole and path != SIGNS_OUT
        example = dict(examples["whole"] if is_whole else examples.get("least", examples["whole"]))
        if at != OF_WHAT_IS_MADE:
            example.pop("id", None)  # it would be there at the next request
        return orjson.dumps(self._said(path, example, _chosen(place, at), ("body",)))

    def spots(self, route: Route) -> list[Spot]:
        """Every id that a request of that route can name, each by where it stands."""
        method, path = route
        found: list[Spot] = [("path", each) for each in _PARAMETER.findall(path) if each not in NO_IDS | _OF_TILES]
        said = self.document["paths"].get(path, {}).get(method.lower(), {}).get("requestBody", {"content": {}})
        for media in said["content"].values():
            if "examples" in media:
                found += _ids_in(_INSTEAD.get(route, media["examples"]["whole"]["value"]), ("body",))
        return found

    def _said(self, path: str, said: Any, chosen: Callable[[Spot], Place], at: Spot) -> Any:
        """What the example says, with every id of what its member names, at the place that is chosen for it."""
        if isinstance(said, dict):
            return {key: self._said(path, each, chosen, (*at, key)) for key, each in said.items()}
        if isinstance(said, list):
            return [self._said(path, each, chosen, (*at, number)) for number, each in enumerate(said)]
        if isinstance(said, str) and _UUID.fullmatch(said):
            kind = self.kind_at(path, at)
            return self.tenant(chosen(at)) if kind == "tenant" else self.of(kind, chosen(at))
        return said

    def kind_at(self, path: str, spot: Spot) -> str:
        """What kind of thing the id at a spot of a request names."""
        name = next(each for each in reversed(spot) if isinstance(each, str) and each not in ("add", "remove"))
        if spot[0] == "path":
            kind = {"entity_id": "work_order", "id": _kind_of(path)}.get(name, name)
        elif spot == OF_WHAT_IS_MADE:
            kind = _kind_of(path)
        elif name == "owner_id" and path.startswith("/v1/quarantine/"):
            kind = _DECIDES
        else:
            kind = {**REFERS_TO, "tenant": "tenant", "client_id": "client"}.get(name, "work_order")
        assert kind == "tenant" or kind in self.ours.ids["own"], f"say in {__name__} what {name} of {path} names"
        return kind

    def tenant(self, place: Place) -> str:
        """Of either company, or of none."""
        match place:
            case "foreign":
                return self.theirs.company.tenant
            case "nowhere":
                return new_id()
            case _:
                return self.ours.company.tenant


def _chosen(place: Place, at: Spot | None) -> Callable[[Spot], Place]:
    """Of which place the id at a spot is."""
    return lambda spot: place if at is None or spot == at else "own"


def _ids_in(said: Any, at: Spot) -> Iterator[Spot]:
    if isinstance(said, dict):
        for key, each in said.items():
            yield from _ids_in(each, (*at, key))
    elif isinstance(said, list):
        for number, each in enumerate(said):
            yield from _ids_in(each, (*at, number))
    elif isinstance(said, str) and _UUID.fullmatch(said):
        yield at


def _kind_of(template: str) -> str:
    """What `{id}` is the id of: the collection that it stands behind, `parties` of a `party`."""
    collection = template.split("/")[2]
    return re.sub("ies$", "y", collection).removesuffix("s").replace("-", "_")


@contextmanager
def two_companies(dsn: str, folder: Path) -> Iterator[Towns]:
    """A server with two companies, as long as the block."""
    with companies(dsn, folder) as server:
        ours = Town("our town", server.new(), dsn).settle()
        theirs = Town("their town", server.new(), dsn).settle()
        for town in (ours, theirs):
            server.keeper.keep_up(town.company.tenant, at_once=True)
            server.audits.keep_up(town.company.tenant, at_once=True)
        with open_pool(dsn, size=1, role=PROJECTOR) as projecting:
            runner = projector(PostgresStore(projecting, 1, PROJECTIONS))
            for town in (ours, theirs):
                while (step := runner.step(town.company.tenant)) and step.events:
                    pass
        yield Towns(ours, theirs, server.client.get("/openapi.json").json(), dsn)


def in_common(answer: httpx.Response, *sent: str) -> tuple[int, str]:
    """An answer without the ids that were sent, the name of the request, and whatever else is never twice the same."""
    text = answer.text
    for each in sent:
        text = text.replace(each, "<sent>")
    return answer.status_code, _NEVER_TWICE.sub("", text)
