"""Every file in the repository that a program writes, and the one command that writes them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from cairnfield.legacy_reference import legacy_mapping
from cairnfield.log_reference import erd, log_schema
from cairnfield.typescript_limits import client_limits

REPOSITORY: Final = Path(__file__).parents[1]


def _authority() -> str:
    from cairnfield.authority_reference import authority

    return authority()


def _orders() -> str:
    from cairnfield.order_reference import orders

    return orders()


def _data_dictionary() -> str:
    from cairnfield.data_dictionary import data_dictionary

    return data_dictionary()


def _event_catalogue() -> str:
    # It needs pydantic and every declaration, which `cairn --help` does not.
    from cairnfield.event_catalogue import event_catalogue

    return event_catalogue()


def _merge_policies() -> str:
    from cairnfield.merge_reference import merge_policies

    return merge_policies()


def _problems() -> str:
    from cairnfield.problem_reference import problems

    return problems()


def _openapi() -> str:
    from cairnfield.openapi_reference import openapi

    return openapi()


def _tokens() -> str:
    from cairnfield.token_reference import tokens

    return tokens()


def _typescript_api() -> str:
    from cairnfield.typescript_api import api_types

    return api_types()


def _typescript_catalogue() -> str:
    from cairnfield.typescript_catalogue import catalogue

    return catalogue()


def _typescript_types() -> str:
    from cairnfield.typescript_types import types

    return types()


# Each file by the function that returns what it should hold.
GENERATED: Final[Mapping[str, Callable[[], str]]] = {
    "docs/reference/authority.md": _authority,
    "docs/reference/data-dictionary.md": _data_dictionary,
    "docs/reference/erd.md": erd,
    "docs/reference/event-catalogue.md": _event_catalogue,
    "docs/reference/legacy-mapping.md": legacy_mapping,
    "docs/reference/log-schema.md": log_schema,
    "docs/reference/merge-policies.md": _merge_policies,
    "docs/reference/openapi.json": _openapi,
    "docs/reference/orders.md": _orders,
    "docs/reference/problems.md": _problems,
    "docs/reference/tokens.md": _tokens,
    "pwa/api/src/types.ts": _typescript_api,
    "pwa/sdk/src/generated/catalogue.ts": _typescript_catalogue,
    "pwa/sdk/src/generated/limits.ts": client_limits,
    "pwa/sdk/src/generated/types.ts": _typescript_types,
}


def generate(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a file is not as it should be.")
    ] = False,
) -> None:
    """Write the generated files: references, schemas, types."""
    stale = drifted(REPOSITORY)
    for path, text in stale.items():
        if not check:
            (REPOSITORY / path).parent.mkdir(parents=True, exist_ok=True)
            (REPOSITORY / path).write_text(text, encoding="utf-8")
        typer.echo(f"{path}: {'not what `cairn generate` writes' if check else 'written'}")
    if check and stale:
        raise typer.Exit(1)


def drifted(repository: Path) -> dict[str, str]:
    """The files that do not hold what they should, each with what it should hold."""
    wanted = {path: make() for path, make in GENERATED.items()}
    return {path: text for path, text in wanted.items() if _read(repository / path) != text}


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
