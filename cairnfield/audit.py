"""`cairn audit erase`: what the audit says of a person beside that it was they, is erased, and every proof stays."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from cairnfield.failure import CannotGoOn
from cairnfield.tenants import Named, tenants_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg
    from psycopg_pool import ConnectionPool

    from infra.postgres.pool import Connection
    from infra.settings import Settings
    from sync.log import TenantId

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _audit() -> None:
    """Look after the audit."""


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

    That they were erased is noted first, in the audit and in a list beside the keys, and `cairn verify` holds what is
    empty to that.
    """
    from cairnfield.database import database, settings_with
    from cairnfield.wiring import now_ms, open_accounts
    from infra.erasure_list import ErasureList
    from infra.postgres.audit_erasure import to_erase

    settings = settings_with(data=data)
    whom, until_ms = _uuid(person), now_ms()
    with database(settings) as opened, open_erasing(opened.dsn, settings) as over:
        named = tenants_named(tenant, open_accounts(over.pool).tenants())
        if len(named) > 1:
            raise CannotGoOn("A person is of one tenant: say which one with --tenant.")
        of = named[0][0]
        count = to_erase(over.pool, of, whom, until_ms=until_ms)
        if yes and count:
            ErasureList(settings.keys).add(of, whom, until_ms)
            count = _erased(over, of, whom, until_ms)
    told = {"tenant": of, "person": whom, "entries": count, "is_erased": yes}
    typer.echo(json.dumps(told, indent=2) if as_json else _sentence(told))


@app.command("erase-again")
def erase_again(
    tenant: Annotated[str | None, typer.Option(help="Name or id of the tenant; all of them if not said.")] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder, beside whose keys the list lies.")] = None,
) -> None:
    """After a restore from a backup: erase whatever was erased since that backup; `cairn epoch new` does it too."""
    from cairnfield.database import database, settings_with
    from cairnfield.wiring import open_accounts

    settings = settings_with(data=data)
    with database(settings) as opened, open_erasing(opened.dsn, settings) as over:
        for sentence in erased_again(over, settings, tenants_named(tenant, open_accounts(over.pool).tenants())):
            typer.echo(sentence)


class Erasing(NamedTuple):
    """What it takes to erase: connections as the server, as the projector, and as whoever owns the tables."""

    pool: "ConnectionPool[Connection]"
    projecting: "ConnectionPool[Connection]"
    owner: "psycopg.Connection[Any]"


@contextmanager
def open_erasing(dsn: str, settings: "Settings") -> "Generator[Erasing]":
    """For as long as the block."""
    from infra.postgres.pool import connect, open_pool
    from infra.postgres.roles import MIGRATOR, PROJECTOR

    with (
        open_pool(dsn, size=1) as pool,
        open_pool(dsn, size=1, role=PROJECTOR) as projecting,
        connect(settings.database_owner_url or dsn, role=MIGRATOR, application_name="cairn-audit-erase") as owner,
    ):
        yield Erasing(pool, projecting, owner)


def erased_again(over: Erasing, settings: "Settings", tenants: "Sequence[Named]") -> "Iterator[str]":
    """Erase what a restore has brought back, and say so of each tenant; raises ErasureListUnreadable."""
    from infra.erasure_list import ErasureList
    from infra.postgres.audit_erasure import forgotten

    for tenant, name in tenants:
        listed = ErasureList(settings.keys).of(tenant)
        people = forgotten(over.pool, tenant, listed)
        entries = sum(_erased(over, tenant, person, listed[person]) for person in people)
        yield f"{name}: {entries} entries of the audit were erased again, of {len(people)} people"


def check_stays_erased(pool: "ConnectionPool[Connection]", settings: "Settings", tenants: "Sequence[TenantId]") -> None:
    """Raises CannotGoOn where a restore has brought back what was erased, before anybody is let in to read it."""
    from infra.erasure_list import ErasureList
    from infra.postgres.audit_erasure import forgotten

    for tenant in tenants:
        if people := forgotten(pool, tenant, ErasureList(settings.keys).of(tenant)):
            raise CannotGoOn(
                f"This database is older than what was erased of {len(people)} people of tenant {tenant}, so it was "
                "restored from a backup. Run `cairn epoch new`, which erases it again, and then start the server."
            )


def _uuid(person: str) -> str:
    import uuid

    try:
        return str(uuid.UUID(person))
    except ValueError as why:
        raise CannotGoOn(f"{person!r} is no id of a person. `GET /v1/people` has them, and so has each entry.") from why


def _erased(over: Erasing, tenant: "TenantId", person: str, until_ms: int) -> int:
    from cairnfield.noted import note_reading
    from infra.postgres.audit_erasure import ERASED_KIND, erase, to_erase
    from infra.postgres.audit_places import AuditPlaces

    AuditPlaces(over.projecting).give(tenant)  # an entry without a place has no leaf that its hash could stand in
    count = to_erase(over.pool, tenant, person, until_ms=until_ms)
    note_reading(over.pool, tenant, ERASED_KIND, f"{count} entries", person=person)
    return erase(over.owner, tenant, person, until_ms=until_ms)


def _sentence(told: dict[str, Any]) -> str:
    if told["is_erased"]:
        return (
            f"The addresses and words of {told['entries']} entries are erased. Backups and the write-ahead log hold "
            "them until they expire."
        )
    return f"{told['entries']} entries would lose their addresses and words. Say --yes to erase them for good."
