"""`cairn history`, `why`, `diff` and `graph`: the past on the command line, told as over HTTP."""

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cairnfield.failure import CannotGoOn
from cairnfield.tenants import tenants_named

if TYPE_CHECKING:
    from commands.as_of import AsOf
    from commands.history_document import NameOf
    from commands.looking_back import PastOf
    from infra.postgres.accounts import PostgresAccounts
    from infra.postgres.log import PostgresEventLog
    from sync.log import TenantId

Entity = Annotated[str, typer.Argument(help="The id of the entity.")]
Moment = Annotated[
    str | None, typer.Option("--as-of", help="A position of the log, or a time of RFC 3339; now if not said.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print what the HTTP route answers, and nothing else.")]
TenantNamed = Annotated[str | None, typer.Option(help="Name or id of the tenant, where there are several.")]
Data = Annotated[Path | None, typer.Option(help="The data folder; .cairn if not said.")]

STEPS_AT_ONCE = 1_000
CHANGED_AT_ONCE = 200
LETTERS_OF_A_VALUE_MAX = 60


def history(  # noqa: PLR0917  # typer reads them by name
    entity: Entity,
    field: Annotated[str | None, typer.Option(help="Only what has to do with this field.")] = None,
    as_of: Moment = None,
    as_json: AsJson = False,
    tenant: TenantNamed = None,
    data: Data = None,
) -> None:
    """Who wrote what of an entity, when by both clocks, and with what before their eyes; oldest first."""
    from commands.looking_back import history_of

    def ask(looking: _Looking) -> _Answer:
        looking.check_field(field)
        moment, past = looking.until(as_of)
        looking.note("history_read", (f", field {field}" if field else "") + _told(moment))
        told: dict[str, Any] = {"items": [], "next": 0}
        while told["next"] is not None:
            page = history_of(past, field=field, after=told["next"], limit=STEPS_AT_ONCE, name_of=looking.name_of)
            told["items"] += page["items"]
            told["next"] = page["next"]
        return told, moment

    _show(_asked(ask, entity, tenant, data), _steps, as_json=as_json)


def why(  # noqa: PLR0917  # typer reads them by name
    entity: Entity,
    field: Annotated[str, typer.Argument(help="Such as `title`.")],
    as_of: Moment = None,
    as_json: AsJson = False,
    tenant: TenantNamed = None,
    data: Data = None,
) -> None:
    """Why a field shows what it shows: every write of it, who knew of whom, and by what rule one is shown."""
    from commands import looking_back

    def ask(looking: _Looking) -> _Answer:
        looking.check_field(field)
        moment, past = looking.until(as_of)
        looking.note("why_read", f", field {field}{_told(moment)}")
        told = looking_back.why(past, field, looking.name_of)
        assert told is not None, "it was there by then"
        return told, moment

    _show(_asked(ask, entity, tenant, data), lambda told: _reasons(field, told), as_json=as_json)


def diff(  # noqa: PLR0917  # typer reads them by name
    entity: Annotated[str | None, typer.Argument(help="The id of the entity; everything, if not said.")] = None,
    since: Annotated[
        str | None, typer.Option(help="A position or a time; from before it was written if not said.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="A position or a time; now if not said.")] = None,
    as_json: AsJson = False,
    tenant: TenantNamed = None,
    data: Data = None,
) -> None:
    """What is shown at two moments, where it differs: of an entity, or of all that were written in between."""
    from commands.looking_back import differences_between

    def ask(looking: _Looking) -> _Answer:
        before = None if since is None else looking.moment(since)
        moment, past = looking.until(until)
        _check_in_order(before, moment)
        looking.note("differences_read", f", since {before.position if before else 0}{_told(moment)}")
        return differences_between(past, before, moment), None

    if entity is None:
        with _company(tenant, data) as company:
            _show_all_changed(company, since, until, as_json=as_json)
    else:
        _show(_asked(ask, entity, tenant, data), _changes, as_json=as_json)


def graph(  # noqa: PLR0917  # typer reads them by name
    entity: Entity,
    out: Annotated[Path | None, typer.Option(help="Write the picture there, as SVG; - for standard output.")] = None,
    as_of: Moment = None,
    as_json: AsJson = False,
    tenant: TenantNamed = None,
    data: Data = None,
) -> None:
    """Who knew of whom: the causal graph of an entity's newest events, a lane for each device, as SVG or as data."""
    from commands.history_document import graph_document
    from commands.looking_back import graph_of
    from projections.causal_picture import picture

    if (out is None) == (not as_json):
        raise CannotGoOn("Say either --out FILE.svg for the picture, or --json for the data.")

    def ask(looking: _Looking) -> _Answer:
        moment, past = looking.until(as_of)
        looking.note("graph_read", _told(moment))
        drawn, title = graph_of(past), f"{looking.entity_type.replace('_', ' ')} {looking.entity}"
        if out is not None:
            svg = picture(drawn, title=title, name_of=looking.name_of)
            return {"svg": svg, "events": len(drawn.nodes), "devices": len(drawn.lanes)}, moment
        return graph_document(drawn, looking.name_of), moment

    told, moment = _asked(ask, entity, tenant, data)
    if out is None:
        _print_json(told, moment)
    elif str(out) == "-":
        typer.echo(told["svg"])
    else:
        out.write_text(told["svg"], encoding="utf-8")
        typer.echo(f"{out}: {told['events']} events of {told['devices']} devices.")


def _asked(ask: "Callable[[_Looking], _Answer]", entity: str, tenant: str | None, data: Path | None) -> "_Answer":
    """What is told of an entity, and as of which moment."""
    with _looking(entity, tenant, data) as looking:
        return ask(looking)


def _show(answer: "_Answer", lines: Callable[[dict[str, Any]], Sequence[str]], *, as_json: bool) -> None:
    told, moment = answer
    if as_json:
        _print_json(told, moment)
    else:
        _print(lines(told))


def _show_all_changed(company: "_Company", since: str | None, until: str | None, *, as_json: bool) -> None:
    """Page by page, because all of it may be more than fits into memory."""
    from commands.looking_back import all_changed_between

    before = None if since is None else company.moment(since)
    end = company.moment(until or str(company.log.head(company.tenant).position))
    _check_in_order(before, end)
    begins = before.position if before else 0
    company.note_reading("differences_read", f"everything since {begins}{_told(end)}")
    past, after, count = company.log.past(company.tenant), 0, 0
    told = {"since": before.told if before else None, "until": end.told, "next": None}
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False)[:-1] + ', "items": [')
    following: int | None = after
    while following is not None:
        page = all_changed_between(past, begins, end.position, after=following, limit=CHANGED_AT_ONCE)
        following = page.following
        for item in page.items:
            if as_json:
                typer.echo(("," if count else "") + json.dumps(item, ensure_ascii=False))
            else:
                _print([_of_entity(item), *(f"      {_change(change)}" for change in item["changed"])])
            count += 1
    if as_json:
        typer.echo("]}")
    elif not count:
        _print(["Nothing was written."])


def _check_in_order(before: "AsOf | None", moment: "AsOf | None") -> None:
    if before is not None and moment is not None and before.position > moment.position:
        raise CannotGoOn(f"--until is position {moment.position}, before --since at {before.position}. Swap them.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Company:
    """Somebody looks at the past of a tenant."""

    log: "PostgresEventLog"
    accounts: "PostgresAccounts"
    pool: Any
    tenant: "TenantId"

    def moment(self, text: str) -> "AsOf":
        from cairnfield.wiring import now_ms
        from commands.as_of import as_of
        from domain.refusals import Refused

        head = self.log.head(self.tenant).position
        try:
            return as_of(text, self.log.past(self.tenant), head=head, now_ms=now_ms())
        except Refused as why_not:
            raise CannotGoOn(f"{why_not.detail[:1].upper()}{why_not.detail[1:]}.") from why_not

    def note_reading(self, kind: str, what: str) -> None:
        from cairnfield.noted import note_reading

        note_reading(self.pool, self.tenant, kind, f"{what}, by `cairn`")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looking(_Company):
    """Somebody looks at the past of one entity."""

    entity: str
    entity_type: str
    names: dict[str, str | None]

    def until(self, text: str | None) -> "tuple[AsOf | None, PastOf]":
        """The moment that is named, and the past up to it."""
        from commands.looking_back import PastOf
        from domain.values import INTEGER_MAX

        moment = None if text is None else self.moment(text)
        of = PastOf(self.log.past(self.tenant), self.entity, moment.position if moment else INTEGER_MAX)
        if moment is not None and not of.past.history(self.entity, after=0, until=of.until, limit=1):
            raise CannotGoOn(f"There was no {self.entity_type} {self.entity} at position {moment.position}.")
        return moment, of

    def check_field(self, field: str | None) -> None:
        from commands.looking_back import FieldUnknown, check_field

        try:
            check_field(self.entity_type, field)
        except FieldUnknown as why_not:
            raise CannotGoOn(
                f"A {self.entity_type} has no field {field!r}. It has: {', '.join(why_not.fields)}."
            ) from None

    def note(self, kind: str, detail: str) -> None:
        self.note_reading(kind, f"{self.entity_type} {self.entity}{detail}")

    @property
    def name_of(self) -> "NameOf":
        def name_of(person: str) -> str | None:
            if person not in self.names:
                found = self.accounts.person(self.tenant, person)
                self.names[person] = found.name if found else None
            return self.names[person]

        return name_of


_Answer = tuple[dict[str, Any], "AsOf | None"]
"""What the HTTP route answers, and as of which moment, where one was named."""


@contextmanager
def _company(tenant: str | None, data: Path | None) -> Generator[_Company]:
    from cairnfield.database import database, settings_with
    from cairnfield.wiring import open_accounts, open_log
    from infra.postgres.pool import open_pool

    with database(settings_with(data=data)) as opened, open_pool(opened.dsn, size=2) as pool:
        log, accounts = open_log(pool), open_accounts(pool)
        found = tenants_named(tenant, accounts.tenants())
        if len(found) > 1:
            raise CannotGoOn("Each tenant has a log of its own: say which one with --tenant.")
        yield _Company(log=log, accounts=accounts, pool=pool, tenant=found[0][0])


@contextmanager
def _looking(entity: str, tenant: str | None, data: Path | None) -> Generator[_Looking]:
    import uuid

    from commands.looking_back import HistoryTooLong

    try:
        named = str(uuid.UUID(entity))
    except ValueError:
        raise CannotGoOn(f"{entity!r} is no id: an id is a UUID.") from None
    with _company(tenant, data) as company:
        now = company.log.entity(company.tenant, named)
        if now is None:
            raise CannotGoOn(f"There is no entity {named} here. Check the id, or name another tenant with --tenant.")
        try:
            yield _Looking(
                log=company.log,
                accounts=company.accounts,
                pool=company.pool,
                tenant=company.tenant,
                entity=named,
                entity_type=now.type,
                names={},
            )
        except HistoryTooLong as why_not:
            raise CannotGoOn(f"This {now.type} is too long for that: {why_not.detail}. {why_not.hint}") from None


def _told(moment: "AsOf | None") -> str:
    return f", as of position {moment.position}" if moment else ""


def _print_json(told: dict[str, Any], moment: "AsOf | None") -> None:
    typer.echo(json.dumps(told | ({"as_of": moment.told} if moment else {}), ensure_ascii=False, indent=2))


def _print(lines: Sequence[str]) -> None:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(line, markup=False)


def _steps(told: dict[str, Any]) -> list[str]:
    return [line for item in told["items"] for line in _step(item)]


def _reasons(field: str, told: dict[str, Any]) -> list[str]:
    explanation = told["explanation"]
    return [
        f"{field} shows {_short(explanation['shown'])}: policy {explanation['policy']}, {explanation['rule']}.",
        *(f"A person is asked: {each['reason']}." for each in explanation["asks"]),
        *(line for item in told["events"] for line in _step(item)),
    ]


def _changes(told: dict[str, Any]) -> list[str]:
    return [*map(_change, told["changed"])] or ["Nothing is shown otherwise."]


def _of_entity(item: dict[str, Any]) -> str:
    is_new, events = " is new" if item["is_new"] else "", item["events"]
    return f"{item['type']} {item['id']}{is_new}: {events} {'event' if events == 1 else 'events'} in between"


def _step(item: dict[str, Any]) -> list[str]:
    who = item["actor"]["name"] or item["actor"]["id"]
    late = "" if item["recorded_at"] == item["written_at"] else f", recorded {item['recorded_at']}"
    unseen = sum(item["did_not_know"].values())
    return [
        f"{item['version']:>4}  {item['type']} by {who} on {item['replica']}, {item['written_at']}{late}"
        + (f", not knowing of {unseen} before it" if unseen else ""),
        *(f"      {_change(change)}" for change in item["changed"]),
    ]


def _change(change: dict[str, Any]) -> str:
    return f"{change['field']}: {_short(change['was'])} -> {_short(change['now'])}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LETTERS_OF_A_VALUE_MAX else f"{text[: LETTERS_OF_A_VALUE_MAX - 1]}…"
