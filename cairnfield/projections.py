"""`cairn projections`: which versions of the read model there are, building one anew, comparing one with the log."""

import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cairnfield.failure import CannotGoOn
from cairnfield.tenants import Named, tenants_named

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from infra.postgres.pool import Connection
    from infra.postgres.read_model.verify import Verified
    from infra.postgres.read_model.versions import Version
    from projections.store import Standing

app = typer.Typer(no_args_is_help=True)

Data = Annotated[Path | None, typer.Option(help="The data folder; .cairn if not said.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
TenantNamed = Annotated[str | None, typer.Option("--tenant", help="Name or id of the tenant; all of them if not said.")]
VersionNumber = Annotated[int, typer.Argument(help="Number of the version, as `cairn projections list` shows it.")]


@contextmanager
def opened(data: Path | None) -> "Generator[tuple[str, ConnectionPool[Connection]]]":
    """The database, and connections that work through the logs of all tenants."""
    from cairnfield.database import database, settings_with
    from infra.postgres.pool import open_pool
    from infra.postgres.roles import PROJECTOR

    with database(settings_with(data=data)) as found, open_pool(found.dsn, size=2, role=PROJECTOR) as pool:
        yield found.dsn, pool


def tenants_of(pool: "ConnectionPool[Connection]", named: str | None) -> list[Named]:
    """The tenants that are meant."""
    with pool.connection() as connection:
        there = connection.execute("select tenant::text, name from tenant order by name, tenant").fetchall()
    return [*tenants_named(named, [(tenant, name) for tenant, name in there])]


@app.command("list")
def list_(data: Data = None, tenant: TenantNamed = None, as_json: AsJson = False) -> None:
    """Show the versions of the read model, and how far each tenant's tables are behind its log."""
    from rich.console import Console
    from rich.table import Table

    with opened(data) as (_, pool):
        told = [_told(version, pool, tenants_of(pool, tenant)) for version in _versions(pool)]
    if as_json:
        print(json.dumps({"versions": told}))
        return
    table = Table("Version", "State", "Tenant", "Position", "Behind", "Seconds", "Standing still", box=None)
    for version in told:
        for each in version["tenants"]:
            behind = [f"{each[name]:,}" for name in ("position", "behind_events", "behind_s", "parked")]
            table.add_row(str(version["version"]), version["state"], each["name"], *behind)
    Console().print(table)


def _versions(pool: "ConnectionPool[Connection]") -> "list[Version]":
    from infra.postgres.read_model.versions import versions

    with pool.connection() as connection:
        return [*versions(connection)]


def _known(pool: "ConnectionPool[Connection]", number: int | None) -> "Version":
    """The version of that number, or the one that people see."""
    there = _versions(pool)
    found = next((each for each in there if each.number == number or (number is None and each.state == "shown")), None)
    if found is None:
        raise CannotGoOn(f"There is no version {number}. `cairn projections list` shows those that there are.")
    return found


def _told(version: "Version", pool: "ConnectionPool[Connection]", tenants: list[Named]) -> dict[str, Any]:
    from cairnfield.wiring import now_ms
    from infra.postgres.read_model.store import PostgresStore
    from projections.read_model import PROJECTIONS, fingerprint

    store = PostgresStore(pool, version.number, PROJECTIONS)
    standing = [(tenant, name, store.standing(tenant, now_ms=now_ms())) for tenant, name in tenants]
    parked = {tenant: [each._asdict() for each in store.all_parked(tenant)] for tenant, _ in tenants}
    return {
        "version": version.number,
        "state": version.state,
        "fingerprint": version.fingerprint,
        "is_of_this_program": version.fingerprint == fingerprint(),
        "tenants": [
            {"tenant": tenant, "name": name, **_standing(each), "standing_still": parked[tenant]}
            for tenant, name, each in standing
        ],
    }


def _standing(standing: "Standing") -> dict[str, Any]:
    return {
        "position": standing.position,
        "head": standing.head,
        "behind_events": standing.behind,
        "behind_s": round(standing.behind_ms / 1_000, 3),
        "parked": standing.parked,
    }


@app.command()
def rebuild(
    processes: Annotated[
        int | None, typer.Option(min=1, max=64, help="How many tenants are built at once. [default: one per core]")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Build all tables anew from the logs, beside those that people see, and show them once they hold everything."""
    from cairnfield.wiring import now_ms
    from infra.postgres.read_model.rebuild import rebuild as build

    with opened(data) as (dsn, _), _bar("Building", quiet=as_json) as progress:
        number = build(dsn, now_ms=now_ms, processes=processes or os.cpu_count() or 1, progress=progress)
    if as_json:
        print(json.dumps({"version": number}))
    else:
        typer.echo(f"Version {number} is what people see now; the one of before is kept until you drop it.")


@app.command()
def show(version: VersionNumber, data: Data = None) -> None:
    """Go back: let people see a version that was kept, once it holds what they have seen."""
    from cairnfield.wiring import now_ms
    from infra.postgres.read_model.rebuild import go_back
    from projections.read_model import fingerprint

    with opened(data) as (dsn, pool):
        found = _known(pool, version)
        if found.fingerprint != fingerprint():
            raise CannotGoOn(
                f"Version {version} was made by a program with other projections, and only that one can bring it up to "
                "the log. Install that version of Cairnfield: it shows its own tables when it starts."
            )
        go_back(dsn, version, now_ms=now_ms)
    typer.echo(f"Version {version} is what people see now.")


@app.command()
def drop(version: VersionNumber, data: Data = None) -> None:
    """Take away a version that nobody sees."""
    from infra.postgres.pool import connect
    from infra.postgres.read_model import versions
    from infra.postgres.roles import PROJECTOR

    with opened(data) as (dsn, _), connect(dsn, role=PROJECTOR) as maker:
        try:
            versions.drop(maker, version)
        except versions.VersionUnknown as why:
            raise CannotGoOn(f"{why}. `cairn projections list` shows those that there are.") from why
        except versions.VersionInUse as why:
            raise CannotGoOn(f"{why}. Show another first: `cairn projections show N`.") from why
    typer.echo(f"Version {version} is gone.")


@app.command()
def retry(data: Data = None, tenant: TenantNamed = None) -> None:
    """Let entities that stand still go on, where the program can take in their events by now."""
    from cairnfield.wiring import now_ms
    from infra.postgres.read_model.store import PostgresStore
    from infra.projector import Projector
    from projections.read_model import GROUP, PROJECTIONS

    with opened(data) as (_, pool):
        for version in (each for each in _versions(pool) if each.state == "shown"):
            store = PostgresStore(pool, version.number, PROJECTIONS)
            projector = Projector(store=store, group=GROUP, now_ms=now_ms)
            for each, name in tenants_of(pool, tenant):
                freed = projector.retry(each)
                typer.echo(f"{name}: {freed} go on, {len(store.all_parked(each))} stand still")


@app.command()
def verify(
    version: Annotated[int | None, typer.Option(help="Which version; the one that people see if not said.")] = None,
    data: Data = None,
    tenant: TenantNamed = None,
    as_json: AsJson = False,
) -> None:
    """Fold every log again and compare all rows; exit status 1 names the first that is not as the log says."""
    from infra.postgres.read_model.verify import verify as compare

    found: list[dict[str, Any]] = []
    with opened(data) as (_, pool):
        number = _known(pool, version).number
        for each, name in tenants_of(pool, tenant):
            with _bar(name, quiet=as_json) as progress:
                found.append({"tenant": each, "name": name, **_verified(compare(pool, each, number, progress))})
    if as_json:
        print(json.dumps({"version": number, "tenants": found}, default=str))
    for each_found in () if as_json else found:
        typer.echo(_sentence(each_found))
    if any(each["difference"] for each in found):
        raise typer.Exit(1)


def _verified(verified: "Verified") -> dict[str, Any]:
    difference = verified.difference._asdict() if verified.difference else None
    return {
        "position": verified.position,
        "events": verified.events,
        "rows": verified.rows,
        "difference": difference,
    }


def _sentence(found: dict[str, Any]) -> str:
    if not found["difference"]:
        return (
            f"{found['name']}: {found['rows']:,} rows are what {found['events']:,} events say, "
            f"up to position {found['position']:,}."
        )
    told = found["difference"]
    where = f"{told['table']}{'.' if told['column'] else ''}{told['column']}"
    return (
        f"{found['name']}: {where} of {' '.join(map(str, told['key'])) or 'the whole table'} should be "
        f"{told['expected']!r} and is {told['found']!r}. Build the tables anew: `cairn projections rebuild`."
    )


@contextmanager
def _bar(what: str, *, quiet: bool) -> Generator[Callable[[int, int], None]]:
    """A progress bar with an estimate, on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
