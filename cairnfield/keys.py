"""`cairn keys`: look at the server's own keys, let another follow, revoke one that has leaked."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cairnfield.failure import CannotGoOn

if TYPE_CHECKING:
    from commands.signing_keys import Use
    from infra.keyring import FileKeyring

app = typer.Typer(no_args_is_help=True)


class Which(StrEnum):
    """What keys are for: access tokens, refresh tokens, nonces, checkpoints of logs, or all of these."""

    ACCESS = "access"
    REFRESH = "refresh"
    NONCE = "nonce"
    CHECKPOINT = "checkpoint"
    ALL = "all"


Data = Annotated[Path | None, typer.Option(help="The data folder; .cairn if not said.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]


@app.command("list")
def list_keys(data: Data = None, *, as_json: AsJson = False) -> None:
    """Every key that was ever made here: what it is for, and what it is now. Secrets are never shown."""
    _print(_documents(_keyring(data)), as_json=as_json)


@app.command()
def rotate(
    data: Data = None,
    use: Annotated[Which, typer.Option(help="What the keys are for.")] = Which.ACCESS,
    *,
    at_once: Annotated[
        bool,
        typer.Option("--at-once", help="Use the new key now, not in a day: only if the old one cannot be trusted."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a key that follows the current one in a day.

    Servers that run take it in by themselves, and nobody signs in anew.
    """
    keyring = _keyring(data)
    for each in _uses(use):
        keyring.rotate(each, at_once=at_once)
    _print(_documents(keyring), as_json=as_json)


@app.command()
def revoke(
    kid: Annotated[str, typer.Argument(help="The key's id, as `cairn keys list` shows it.")],
    data: Data = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Accept nothing any more that this key made; another takes its place at once.

    Of an access key nobody notices: clients refresh. Of a refresh key all sign in anew whose sessions began with it,
    and their devices may hand in late meanwhile. Of a checkpoint key, devices that have kept no later one stop until
    somebody lets them trust anew.
    """
    keyring = _keyring(data)
    if kid not in {row.kid for row in keyring.rows()}:
        raise CannotGoOn(f"There is no key {kid!r} here. `cairn keys list` shows them.")
    keyring.revoke(kid)
    _print(_documents(keyring), as_json=as_json)


def _keyring(data: Path | None) -> "FileKeyring":
    from cairnfield.database import settings_with
    from cairnfield.identity import open_keyring
    from cairnfield.wiring import now_ms

    return open_keyring(settings_with(data=data), now_ms)


def _uses(which: Which) -> "tuple[Use, ...]":
    from commands.signing_keys import USES

    return tuple(use for use in USES if which in (use, Which.ALL))


def _documents(keyring: "FileKeyring") -> list[dict[str, Any]]:
    from cairnfield.wiring import now_ms
    from commands.signing_keys import standing

    rows = sorted(keyring.rows(), key=lambda row: (row.use, row.current_from_ms, row.kid))
    return [
        {
            "kid": row.kid,
            "use": row.use,
            "is": standing(row, rows, now_ms=now_ms()),
            "made_at_ms": row.made_at_ms,
            "current_from_ms": row.current_from_ms,
            "revoked_at_ms": row.revoked_at_ms,
        }
        for row in rows
    ]


def _print(documents: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(_json(documents))
        return
    for each in documents:
        since = datetime.fromtimestamp(each["current_from_ms"] / 1_000, UTC).strftime("%Y-%m-%d %H:%M")
        typer.echo(f"{each['use']:<12}{each['is']:<9}from {since} UTC  {each['kid']}")


def _json(documents: list[dict[str, Any]]) -> str:
    import json

    return json.dumps(documents, indent=2)
