"""`cairn replay`: folds a company's log up to a moment, and tells what was there."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from cairnfield.failure import CannotGoOn
from cairnfield.tenants import tenants_named

if TYPE_CHECKING:
    from rich.console import Console

    from commands.as_of import AsOf
    from sync.log import EventLog, TenantId
    from sync.merge import State
    from sync.past import Past
    from sync.rows import EventRow


def replay(  # noqa: PLR0917  # typer reads them by name
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="A position of the log, or a time of RFC 3339; the end if not said.")
    ] = None,
    entity: Annotated[str | None, typer.Option(help="The id of one entity; everything if not said.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write every entity there, one JSON document a line.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")] = False,
    tenant: Annotated[str | None, typer.Option(help="Name or id of the tenant, where there are several.")] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder; .cairn if not said.")] = None,
) -> None:
    """Fold the log once more up to a moment; exit status 1 if that is not what the server shows at its end, or not what
    its milestones say on the way."""
    from rich.console import Console

    from cairnfield.database import database, settings_with
    from cairnfield.noted import note_reading
    from cairnfield.wiring import open_accounts, open_log
    from infra.postgres.pool import open_pool

    console = Console(highlight=False, soft_wrap=True, quiet=as_json)
    with database(settings_with(data=data)) as opened, open_pool(opened.dsn, size=2) as pool:
        log, found = open_log(pool), tenants_named(tenant, open_accounts(pool).tenants())
        if len(found) > 1:
            raise CannotGoOn("Each tenant has a log of its own: say which one with --tenant.")
        ((which, name),) = found
        moment = _moment(log, which, as_of)
        what = f"{entity or 'everything'}, as of position {moment.position}, by `cairn replay`"
        note_reading(pool, which, "replay_read", what)
        if entity is not None:
            _tell_one(log, which, entity, moment)
            return
        states, wrong = _folded(log, which, moment, console)
        told = _told(name, states, moment) | {"wrong_milestones": wrong}
        shown = _shown(log, which, moment)
        if shown is not None:
            told["is_as_shown"] = told["state_hash"] == shown
        if out is not None:
            with out.open("w", encoding="utf-8") as file:
                _write(states, file)
    if as_json:
        print(json.dumps(told))
    else:
        _print(told, console)
    if told.get("is_as_shown") is False or wrong:
        sys.exit(1)


def _moment(log: "EventLog", tenant: "TenantId", text: str | None) -> "AsOf":
    from cairnfield.wiring import now_ms
    from commands.as_of import as_of
    from domain.refusals import Refused

    head = log.head(tenant).position
    try:
        return as_of(text if text is not None else str(head), log.past(tenant), head=head, now_ms=now_ms())
    except Refused as why:
        raise CannotGoOn(f"{why.detail[:1].upper()}{why.detail[1:]}.") from why


def _tell_one(log: "EventLog", tenant: "TenantId", entity: str, moment: "AsOf") -> None:
    import uuid

    from sync.as_of import entity_as_of
    from sync.state_codec import decode

    try:
        named = str(uuid.UUID(entity))
    except ValueError:
        raise CannotGoOn(f"{entity!r} is no id: an id is a UUID.") from None
    row = entity_as_of(log.past(tenant), named, moment.position)
    if row is None:
        raise CannotGoOn(f"There was no entity {named} at position {moment.position}.")
    print(json.dumps({"as_of": moment.told, **_document(named, decode(row.state))}, ensure_ascii=False))


def _folded(
    log: "EventLog", tenant: "TenantId", moment: "AsOf", console: "Console"
) -> "tuple[dict[str, State], list[dict[str, Any]]]":
    """Every entity of the domain as its events up to the moment make it, and the milestones that say something else.

    One pass through the log.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from domain.catalogue import ENTITIES
    from sync.as_of import applied
    from sync.limits import PAGE_EVENTS_MAX
    from sync.milestones import MILESTONE_EVERY

    states: dict[str, State] = {}
    wrong: list[dict[str, Any]] = []
    past, at = log.past(tenant), 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("events", total=moment.position)
        while at < moment.position:
            for row in log.page(tenant, after=at, limit=min(PAGE_EVENTS_MAX, moment.position - at)):
                at = row.position
                if row.entity_type in ENTITIES:
                    states[row.entity] = applied(states.get(row.entity), row)
                    if row.version % MILESTONE_EVERY == 0 and not _is_as_kept(past, row, states[row.entity]):
                        wrong.append({"entity": row.entity, "version": row.version, "position": row.position})
            progress.update(task, completed=at)
    return states, wrong


def _is_as_kept(past: "Past", row: "EventRow", state: "State") -> bool:
    """Whether the milestone at that event says the same, or there is none."""
    from sync.state_codec import encode

    found = [each for each in past.milestones([row.entity], until=row.position) if each.position == row.position]
    return all(each.state == encode(state) for each in found)


def _told(name: str, states: "dict[str, State]", moment: "AsOf") -> dict[str, Any]:
    from domain.catalogue import ON_DEVICES
    from sync.state_codec import encode, state_hash

    shared = [(entity, encode(state)) for entity, state in states.items() if state.type in ON_DEVICES]
    types = Counter(state.type for state in states.values())
    return {
        "tenant": name,
        "as_of": moment.told,
        "entities": len(states),
        "by_type": dict(sorted(types.items())),
        "state_hash": state_hash(shared),
    }


def _shown(log: "EventLog", tenant: "TenantId", moment: "AsOf") -> str | None:
    """The hash of what the server shows; None where that is of a later moment."""
    from sync.state_codec import state_hash

    shown = state_hash(log.states(tenant)) if log.head(tenant).position == moment.position else None
    return shown if log.head(tenant).position == moment.position else None


def _document(entity: str, state: "State") -> dict[str, Any]:
    from sync import shown

    waiting = sorted({each.field for each in shown.conflicts(state)})
    return {
        "id": entity,
        "type": state.type,
        "version": state.version,
        "values": shown.values(state),
        "waits": waiting,
    }


def _write(states: "dict[str, State]", file: TextIO) -> None:
    for entity in sorted(states):
        file.write(json.dumps(_document(entity, states[entity]), ensure_ascii=False) + "\n")


def _print(told: dict[str, Any], console: "Console") -> None:
    moment = told["as_of"]
    console.print(
        f"{told['tenant']} as of position {moment['position']}, recorded at {moment['recorded_at']}", markup=False
    )
    for kind, count in told["by_type"].items():
        console.print(f"  {count:>8,}  {kind}", markup=False)
    console.print(f"state hash {told['state_hash']}", markup=False)
    if told.get("is_as_shown") is True:
        console.print("That is what the server shows.")
    elif told.get("is_as_shown") is False:
        console.print("The server shows something else: its entities are not the fold of its log.")
    for each in told["wrong_milestones"]:
        console.print(
            f"The milestone of {each['entity']} at position {each['position']} is not the fold of the log, and what is "
            "shown of it as of later moments is not either. Take the milestones away: they are made again.",
            markup=False,
        )
