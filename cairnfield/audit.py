"""`cairn audit erase`: what the audit says of a person beside that it was they, is erased, and every proof stays."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cairnfield.failure import CannotGoOn
from cairnfield.tenants import tenants_named

if TYPE_CHECKING:
    from sync.log import TenantId

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _audit() -> None:
    """Look after the audit."""  # keeps `erase` a name


@app.command()
def erase(
    person: Annotated[str, typer.Argument(help="The id of the person whose data are to go.")],
    tenant: Annotated[str | None, typer.Option(help="Name or id of the tenant, where there are several.")] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder; .cairn if not said.")] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Erase; without it they are only counted.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False,
) -> None:
    """Erase the addresses and words of the entries about a person and of what they did; cannot be undone.

    That they were erased is noted first, and `cairn verify` holds what is empty to that.
    """
    from cairnfield.database import database, settings_with
    from cairnfield.wiring import open_accounts
    from infra.postgres.pool import connect, open_pool
    from infra.postgres.roles import MIGRATOR, PROJECTOR

    settings = settings_with(data=data)
    whom = _uuid(person)
    with database(settings) as opened:
        with open_pool(opened.dsn, size=1) as pool:
            named = tenants_named(tenant, open_accounts(pool).tenants())
            if len(named) > 1:
                raise CannotGoOn("A person is of one tenant: say which one with --tenant.")
        with (
            open_pool(opened.dsn, size=1) as pool,
            open_pool(opened.dsn, size=1, role=PROJECTOR) as projecting,
            connect(
                settings.database_owner_url or opened.dsn, role=MIGRATOR, application_name="cairn-audit-erase"
            ) as owner,
        ):
            told = _erased((pool, projecting, owner), named[0][0], whom, yes=yes)
    typer.echo(json.dumps(told, indent=2) if as_json else _sentence(told))


def _uuid(person: str) -> str:
    import uuid

    try:
        return str(uuid.UUID(person))
    except ValueError as why:
        raise CannotGoOn(f"{person!r} is no id of a person. `GET /v1/people` has them, and so has each entry.") from why


def _erased(over: Any, tenant: "TenantId", person: str, *, yes: bool) -> dict[str, Any]:
    from cairnfield.noted import note_reading
    from infra.postgres.audit_erasure import ERASED_KIND, erase, to_erase
    from infra.postgres.audit_places import AuditPlaces

    pool, projecting, owner = over
    if yes:
        AuditPlaces(projecting).give(tenant)  # an entry without a place has no leaf that its hash could stand in
    count = to_erase(pool, tenant, person)
    if yes and count:
        note_reading(pool, tenant, ERASED_KIND, f"{count} entries", person=person)
        count = erase(owner, tenant, person)
    return {"tenant": tenant, "person": person, "entries": count, "is_erased": yes}


def _sentence(told: dict[str, Any]) -> str:
    if told["is_erased"]:
        return (
            f"The addresses and words of {told['entries']} entries are erased. Backups and the write-ahead log hold "
            "them until they expire."
        )
    return f"{told['entries']} entries would lose their addresses and words. Say --yes to erase them for good."
