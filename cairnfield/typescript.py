"""Values and names as TypeScript writes them, and what every file of TypeScript begins with that a program wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson

NOTE: Final = "Written by `cairn generate` from the declarations in Python: edit those, then run it."


@dataclass(frozen=True, slots=True)
class Source:
    """A piece of TypeScript that stands as it is: a name, a regular expression."""

    text: str


Key = str | Source
"""The name of a member, or `...others`, whose value says nothing."""


def file(about: str, *parts: str) -> str:
    """A source file with its opening comment."""
    return "\n".join([f"/** {about} */", "", f"// {NOTE}", "", *parts, ""])


def literal(value: Any) -> str:
    """A value in one line."""
    match value:
        case Source(text):
            return text
        case Mapping():
            members = cast("Mapping[Key, Any]", value)
            told = [_member(key, literal(each)) for key, each in members.items()]
            return "{ " + ", ".join(told) + " }" if told else "{}"
        case list() | tuple():
            return "[" + ", ".join(literal(each) for each in cast("Sequence[Any]", value)) + "]"
        case _:
            return orjson.dumps(value).decode()


def spread(value: Any, depth: int, indent: str = "") -> str:
    """A value whose outer `depth` levels of members have a line each."""
    if depth == 0 or not isinstance(value, Mapping) or not value:
        return literal(value)
    members, inner = cast("Mapping[Key, Any]", value), indent + "  "
    lines = [f"{inner}{_member(key, spread(each, depth - 1, inner))}," for key, each in members.items()]
    return "\n".join(["{", *lines, f"{indent}}}"])


def _member(key: Key, value: str) -> str:
    if isinstance(key, Source):
        return key.text
    return f"{key if key.isidentifier() and key.isascii() else literal(key)}: {value}"


def pattern(expression: str) -> Source:
    """A regular expression that counts code points, as Rust's do."""
    return Source("/" + expression.replace("/", r"\/") + "/u")


def pascal(name: str) -> str:
    """A snake_case name as types are named."""
    return "".join(word.capitalize() for word in name.split("_"))


def camel(name: str) -> str:
    """A name of a type as values are named."""
    return name[0].lower() + name[1:]


def docstring(text: str, indent: str = "") -> str:
    """A comment that editors show."""
    lines = text.splitlines()
    if len(lines) == 1:
        return f"{indent}/** {text} */"
    return "\n".join([f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */"])
