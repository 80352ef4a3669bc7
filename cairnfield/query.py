"""`cairn query`: the tables of the read model, or files that were exported before, asked by SQL in DuckDB."""

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from cairnfield.failure import CannotGoOn
from cairnfield.tenants import tenants_named

if TYPE_CHECKING:
    from infra.export_session import Asked, ExportSession
    from infra.postgres.read_model.queries import PostgresViews
    from projections.query import Shape
    from sync.log import TenantId

ROWS_SHOWN = 200
"""On a screen; JSON has all."""


def query(  # noqa: PLR0917  # typer reads them by name
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files that were exported, or folders of them; the read model as it is now if not said."),
    ] = None,
    sql: Annotated[list[str] | None, typer.Option(help="Ask this and end; may be said often.")] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the export of the read model in this folder, to be asked again.")
    ] = None,
    in_full: Annotated[bool, typer.Option("--in-full", help="With the columns that may tell of a person.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print rows as JSON, an object each, and nothing else.")
    ] = False,
    tenant: Annotated[str | None, typer.Option(help="Name or id of the tenant, where there are several.")] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder; .cairn if not said.")] = None,
) -> None:
    """Ask exported tables by SQL. Without --sql, statements are read from the terminal or from standard input.

    `show tables` says what there is, `describe visit` what is in it. What is asked is a copy: nothing in the database
    can be changed, and nobody waits.
    """
    if paths and keep is not None:
        raise CannotGoOn("What is named is kept already: say --keep without files, to export the read model.")
    with _files(paths, keep, tenant, data, in_full=in_full) as found, _session(found) as session:
        if sql:
            for statement in sql:
                _show(_asked(session, statement), as_json=as_json)
        elif sys.stdin.isatty():
            _converse(session, as_json=as_json)
        else:
            _show(_asked(session, sys.stdin.read()), as_json=as_json)


@contextmanager
def _files(
    paths: list[Path] | None, keep: Path | None, tenant: str | None, data: Path | None, *, in_full: bool
) -> Generator[list[Path]]:
    from tempfile import TemporaryDirectory

    if paths:
        yield paths
    elif keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        _export(keep, tenant, data, in_full=in_full)
        yield [keep]
    else:
        with TemporaryDirectory(prefix="cairn-query-") as made:
            _export(Path(made), tenant, data, in_full=in_full)
            yield [Path(made)]


def _export(folder: Path, tenant: str | None, data: Path | None, *, in_full: bool) -> None:
    """Every table and board as Parquet, as an analyst is shown it unless more is asked for."""
    from rich.console import Console
    from rich.progress import track

    from cairnfield.database import database, settings_with
    from cairnfield.noted import note_reading
    from cairnfield.wiring import open_accounts
    from infra.postgres.pool import open_pool
    from infra.postgres.read_model.queries import PostgresViews

    console = Console(stderr=True, quiet=not sys.stderr.isatty())
    with database(settings_with(data=data)) as opened, open_pool(opened.dsn, size=1) as pool:
        found = tenants_named(tenant, open_accounts(pool).tenants())
        if len(found) > 1:
            raise CannotGoOn("Each tenant has tables of its own: say which one with --tenant.")
        which = found[0][0]
        views = PostgresViews(pool)
        note_reading(pool, which, "exported", f"everything{' in full' if in_full else ''} as parquet, by `cairn query`")
        for shape in track(list(views.shapes(masked=not in_full).values()), "Exporting", console=console):
            _export_one(views, which, shape, folder)


def _export_one(views: "PostgresViews", tenant: "TenantId", shape: "Shape", folder: Path) -> None:
    from api.exports import exported
    from projections.query import EXPORT_ROWS_MAX, NoReadModel, Query, TooSlow, read_query, told_as_text

    asked = read_query(shape, [], sort="", fields="", limit=EXPORT_ROWS_MAX)
    number, after = 1, None
    for old in folder.glob(f"{shape.name}-*.parquet"):
        old.unlink()
    while True:
        page = Query(
            shape=shape, fields=asked.fields, filters=(), order=asked.order, limit=EXPORT_ROWS_MAX, after=after
        )
        try:
            rows = views.rows(tenant, page)
        except NoReadModel:
            raise CannotGoOn(
                "There is no read model yet: start `cairn up` once, or `cairn projections rebuild`."
            ) from None
        except TooSlow:
            raise CannotGoOn(
                f"{shape.name} took longer than one may. Export it by parts over HTTP, with filters."
            ) from None
        (folder / f"{shape.name}-{number}.parquet").write_bytes(exported("parquet", asked.fields, rows))
        if len(rows) < EXPORT_ROWS_MAX:
            return
        number, after = number + 1, [told_as_text(rows[-1][each.column.name]) for each in asked.order]


@contextmanager
def _session(paths: list[Path]) -> "Generator[ExportSession]":
    from infra.export_session import ExportSession, FilesUnreadable, named

    try:
        session = ExportSession(named(paths))
    except FilesUnreadable as why:
        raise CannotGoOn(str(why)) from why
    try:
        yield session
    finally:
        session.close()


def _asked(session: "ExportSession", statement: str) -> "Asked":
    from infra.export_session import StatementRefused

    try:
        return session.ask(statement)
    except StatementRefused as why:
        raise CannotGoOn(str(why)) from why


def _converse(session: "ExportSession", *, as_json: bool) -> None:
    """Statement after statement, each ended by a semicolon."""
    import readline

    from infra.export_session import StatementRefused

    readline.parse_and_bind("tab: complete")
    typer.echo("End a statement with ; and the conversation with Ctrl-D. `show tables;` says what there is.")
    said = ""
    while True:
        try:
            said += input("cairn> " if not said else "  ...> ") + "\n"
        except EOFError:
            typer.echo("")
            return
        except KeyboardInterrupt:
            typer.echo("")
            said = ""
            continue
        if said.rstrip().endswith(";"):
            try:
                _show(session.ask(said), as_json=as_json)
            except StatementRefused as why:
                typer.echo(str(why), err=True)
            said = ""


def _show(asked: "Asked", *, as_json: bool) -> None:
    if as_json:
        rows = [{name: _plain(value) for name, value in zip(asked.columns, row, strict=True)} for row in asked.rows]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*asked.columns)
    for row in asked.rows[:ROWS_SHOWN]:
        table.add_row(*(Text("" if value is None else str(_plain(value))) for value in row))
    console = Console()
    console.print(table)
    if len(asked.rows) > ROWS_SHOWN:
        console.print(f"{len(asked.rows):,} rows, of which {ROWS_SHOWN} are shown; --json prints all.")


def _plain(value: Any) -> Any:
    """A value as JSON spells it, moments in UTC and decimals as text, like an export over HTTP."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case list() | tuple():
            return [_plain(each) for each in cast("list[Any]", value)]
        case dict():
            return {name: _plain(each) for name, each in cast("dict[str, Any]", value).items()}
        case _:
            return str(value)
