"""The reference of everything that can be ordered over HTTP, from the registry that the routes are made from."""

from collections.abc import Iterator
from typing import Final, get_args

from commands.command import COLLECTIONS, Command, facts_of
from commands.registry import COMMANDS, may_order
from domain.people import Role

ROLES: Final[tuple[Role, ...]] = get_args(Role)


def orders() -> str:
    """The page as Markdown."""
    return "\n".join([_BEGINNING, *_tables()]) + "\n"


def _tables() -> Iterator[str]:
    for entity in COLLECTIONS:
        yield f"\n## {entity}\n"
        yield "| order | what it does | body | tells | who |"
        yield "|---|---|---|---|---|"
        yield from (_row(each) for each in COMMANDS if each.entity == entity)


def _row(command: Command) -> str:
    told = ", ".join(f"`{name}`" for _, name in facts_of(command))
    if command.name == "resolve":
        told = "what decides it"
    who = ", ".join(role for role in ROLES if may_order(role, command))
    path = command.path.removeprefix("/v1")
    return f"| `{command.method} {path}` | {command.summary} | {_body(command)} | {told} | {who} |"


def _body(command: Command) -> str:
    schema = command.takes.json_schema()
    required = set(schema.get("required", ()))
    said = [f"**`{name}`**" if name in required else f"`{name}`" for name in schema.get("properties", {})]
    return ", ".join(said) or "–"


_BEGINNING: Final = """# Orders over HTTP

<!-- Written by `cairn generate`. -->

Everything that can be ordered, by what it is ordered of; paths begin with `/v1`.
Members in **bold** must be said.
A set is said as `{"add": [...], "remove": [...]}`.
Times are UTC with milliseconds, such as `2026-01-01T08:00:00.000Z`; where a time is left out it is now.
Exact shapes are in `GET /openapi.json`.

Every order carries an `Idempotency-Key` of 1 to 128 visible ASCII characters, a new one for each order.
The same order under the same key is carried out once and answered the same for 24 hours.
`Idempotency-Replayed: true` says that it was answered before.
Another order under that key is refused with `idempotency-key-reused`.
Keys are each person's own.
What was refused had no effect and leaves its key free.

`PATCH` asks for `If-Match` with the `ETag` of what was read, or `*`; without it the answer is `if-match-missing`.
Every other order but a creation may carry it.
Where somebody has written since, the order is refused with `version-moved`, which tells what each field was and is.

Answers are the entity as it is afterwards, with its `ETag`.
`told` lists the events that were written, with their positions.
A creation is answered 201 with `Location`; its `id` (a UUID of version 7) may be said or left to the server.

What is refused is a [problem](problems.md): `illegal-move` tells in `legal` what may be ordered instead.
Who may say what exactly is in [who may do what](authority.md).
"""
