"""The reference page of entities and events, written from their declarations."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NotRequired, Union, assert_never, get_args, get_origin, is_typeddict

import orjson
from annotated_types import Ge, Le, MaxLen, MinLen

from domain import values
from domain.catalogue import DECLARATIONS, ENTITIES, FACTS
from domain.entity import EntityType, Field
from domain.facts import Fact, status_of
from domain.lifecycle import LIFECYCLES, Lifecycle
from domain.merge_policy import AddWins, Latest, MergePolicy
from domain.upcasts import Drop, Fill, Rename, Step, Translate
from domain.values import Calendar, KeysAscend, Pattern
from sync.envelope import Envelope, EventId, parse, spell
from sync.limits import CLOCK_ENTRIES_MAX, EVENT_BYTES_MAX, SET_ELEMENTS_PER_EVENT_MAX
from sync.vector_clock import REPLICA

_NOTE: Final = "<!-- Written by `cairn generate` from the declarations in `domain/`: edit those, then run it. -->"

_NAMED: Final[tuple[tuple[Any, str], ...]] = (
    (values.Instant, "moment (`2026-01-31T08:00:00.000Z`)"),
    (values.Date, "day (`2026-01-31`)"),
    (values.Decimal, "decimal as text (`12.5`), at most 9 digits before the point and 6 after"),
    (values.EntityId, "id (UUID in lower case)"),
    (EventId, "id (UUID of version 7 in lower case)"),
    (values.Sha256, "SHA-256 (64 hexadecimal characters)"),
    (values.HomeScope, "scope (`work_order:<id>`, `site:<id>`, `customer:<id>` or `catalog`)"),
    (values.Pairs, "pairs `[key, value or null]` with ascending keys, at most 100"),
    (Annotated[str, REPLICA], "replica id (`r` and 12 characters of lower-case base32)"),
)

_MEANING: Final[Mapping[str, str]] = {
    "id": "The idempotency key of the event, for ever; it survives a change of replica.",
    "replica": "Who wrote it: one storage of one person, minted by the server.",
    "seq": "1, 2, 3 … without gaps per replica.",
    "prev": "Hash of the bytes of this replica's event before this one; null on the first.",
    "entity": "What it is about: `id`, and `type` as in the headings below.",
    "type": "The name of the fact, as in the tables below.",
    "v": "Version of the type's data; the newest is written, and all that ever were are read.",
    "clock": "For each replica that wrote this entity, the highest `seq` the author had merged; "
    f"at most {CLOCK_ENTRIES_MAX} entries.",
    "at": "When, by the author's hybrid logical clock: 12 hexadecimal characters of milliseconds since 1970, "
    "4 of a counter.",
    "seen": "The position in the log that the author had pulled.",
    "data": "The fields it tells, as in the tables below.",
    "tx": "Events that stand or fall together: this is the `i`-th of `n`.",
    "reason": "Why, in the author's words.",
    "geo": "Where the author was.",
}


_IN_ORDER: Final = sorted(ENTITIES.values(), key=lambda entity: DECLARATIONS.index(entity.declaration))


def event_catalogue() -> str:
    """Every entity with its fields, every event with its data, and the envelope that all of them travel in."""
    return "\n".join([*_head(), *_envelope(), *_policies(), *_composites(), *_entities(), ""])


def _head() -> Iterator[str]:
    yield from ("# The event catalogue", "", _NOTE, "")
    yield "Every entity, what its fields may hold and how they merge, and every event that can be told about it."
    yield "Whatever is not named here is refused; a refused event is kept in quarantine and blocks nothing behind it."
    yield from ("", "Entities: " + ", ".join(f"[`{each.name}`](#{each.name})" for each in _IN_ORDER) + ".")


def _envelope() -> Iterator[str]:
    # The members of `Envelope` and their meanings are two lists; this keeps them one.
    assert set(Envelope.__annotations__) == set(_MEANING), "say what every member of the envelope means"
    yield from ("", "## The envelope", "")
    yield f"One event is one line of canonical JSON, at most {EVENT_BYTES_MAX:,} bytes."
    yield from ("", "| member | type | required | meaning |", "|---|---|---|---|")
    for name, hint in Envelope.__annotations__.items():
        yield f"| `{name}` | {_type(hint)} | {_required(hint)} | {_MEANING[name]} |"
    yield from ("", "An example, spread over lines for the reader; on the wire it has no white space:", "", "```json")
    yield orjson.dumps(orjson.loads(_example()), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
    yield "```"


def _example() -> bytes:
    raw = spell(
        id="019b7a2c-4f00-7000-8000-00000000e001",
        replica="rk3q7w2m5x6ya",
        seq=42,
        prev="5f" * 32,
        entity_type="visit",
        entity="019b7a2c-4f00-7000-8000-00000000d001",
        type="VisitFinished",
        v=1,
        clock={"rk3q7w2m5x6ya": 41, "rofficeaaaaaa": 7},
        at="019b7a2c4f000000",
        seen=1_337,
        data={
            "finished_at": "2026-01-01T12:00:00.000Z",
            "outcome": "resolved",
            "resolution": "Gasket replaced, pressure held for ten minutes.",
        },
    )
    parse(raw)  # an example that the server would refuse must not be printed
    return raw


def _policies() -> Iterator[str]:
    yield from ("", "## Merge policies", "")
    yield "What becomes of concurrent writes to a field, and of concurrent moves, stands in"
    yield "[the merge policies](merge-policies.md); a causally later write always replaces an earlier one."


def _composites() -> Iterator[str]:
    types = [
        *(field.type for entity in _IN_ORDER for field in entity.fields.values()),
        *Envelope.__annotations__.values(),
    ]
    found = {hint.__name__: hint for kind in types for hint in _in(kind)}
    yield from ("", "## Composite values", "", "Each is one value, replaced as a whole.")
    for name, hint in sorted(found.items()):
        yield from (
            "",
            f"### {name}",
            "",
            inspect.getdoc(hint) or "",
            "",
            "| member | type | required |",
            "|---|---|---|",
        )
        for member, kind in hint.__annotations__.items():
            yield f"| `{member}` | {_type(kind)} | {_required(kind)} |"


def _required(hint: Any) -> str:
    return "" if get_origin(hint) is NotRequired else "yes"


def _in(hint: Any) -> Iterator[Any]:
    """The composite values that a type holds."""
    if is_typeddict(hint):
        yield hint
    for inner in get_args(hint):
        yield from _in(inner)


def _entities() -> Iterator[str]:
    for entity in _IN_ORDER:
        yield from ("", f"## {entity.name}", "", *(inspect.getdoc(entity.declaration) or "").splitlines(), "")
        yield f"Lives in: {_home(entity)}."
        yield from ("", "| field | type | at creation | merge policy |", "|---|---|---|---|")
        for field in entity.fields.values():
            yield f"| `{field.name}` | {_field_type(field)} | {_at_creation(entity, field)} | {_policy(field.policy)} |"
        yield from ("", "| event | version | data (**required**) | move |", "|---|---|---|---|")
        for fact in FACTS[entity.name].values():
            move = f"`{fact.move}`" if fact.move else ""
            yield f"| `{fact.name}` | {fact.version} | {_data(entity, fact)} | {move} |"
        for fact in FACTS[entity.name].values():
            yield from _older_versions(fact)
        status = status_of(entity)
        if status:
            yield from _moves(entity.name, LIFECYCLES[status[1]])


def _older_versions(fact: Fact) -> Iterator[str]:
    for version, steps in enumerate(fact.upcasts, start=1):
        yield from ("", f"`{fact.name}` of version {version} is read as version {version + 1}:", "")
        yield from (f"- {_step(step)}" for step in steps)


def _step(step: Step) -> str:
    match step:
        case Rename(path=path, name=name):
            return f"`{path}` is called `{name}`"
        case Fill(path=path, value=value):
            return f"`{path}` is `{orjson.dumps(value).decode()}` where it is not said"
        case Drop(path=path):
            return f"`{path}` is left out"
        case Translate(path=path, words=words):
            return f"`{path}` says " + ", ".join(f"`{now}` for `{old}`" for old, now in words.items())
    assert_never(step)


def _home(entity: EntityType) -> str:
    match entity.home.partition(":"):
        case ("own", _, _):
            return f"its own scope, `{entity.name}:<id>`"
        case ("catalog", _, _):
            return "`catalog`, which everybody has"
        case ("office", _, _):
            return "`office`, which never leaves the server: no device writes it, and none is sent it"
        case ("given", _, _):
            return "the scope that its field `home` names"
        case (kind, _, field):
            return f"`{kind}:<{field}>`"


def _at_creation(entity: EntityType, field: Field) -> str:
    created = FACTS[entity.name]["Created"]
    if field.name in created.required:
        return "required"
    return "optional" if field.name in created.fields else "–"


def _policy(policy: MergePolicy) -> str:
    return f"`{type(policy).__name__}`" + (", each key on its own" if policy == Latest(each_key=True) else "")


def _data(entity: EntityType, fact: Fact) -> str:
    if fact.sets:
        return ", ".join(f"none; sets `{name}` to {'true' if value else 'false'}" for name, value in fact.sets)
    if fact.name == "Created":
        return "every field that is required or optional above"
    return _names(entity, fact) or "none"


def _names(entity: EntityType, fact: Fact) -> str:
    created = FACTS[entity.name]["Created"]
    if fact.creates and fact.fields == created.fields:
        return "as `Created`"
    return ", ".join(f"**`{name}`**" if name in fact.required else f"`{name}`" for name in fact.fields)


def _moves(entity: str, lifecycle: Lifecycle) -> Iterator[str]:
    yield from (
        "",
        "A move is judged by the status that its author knew; what the table lets skip may be skipped.",
        f"What two concurrent moves become: [every pair](merge-policies.md#moves-of-a-{entity}).",
    )
    yield from ("", "| move | follows | leads to |", "|---|---|---|")
    for name, move in lifecycle.moves.items():
        follows = ", ".join(f"`{each}`" for each in lifecycle.statuses if each in move.legal_from)
        yield f"| `{name}` | {follows or 'only at creation'} | `{move.leads_to}` |"


def _field_type(field: Field) -> str:
    if isinstance(field.policy, AddWins):
        return f"set of {_type(field.type)}; said as `add` and `remove`, at most {SET_ELEMENTS_PER_EVENT_MAX} each"
    return _type(field.type)


def _type(hint: Any) -> str:
    named = next((name for kind, name in _NAMED if kind == hint), None)
    if named:
        return named
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        told = [_type(kind) for kind in arguments if kind is not NoneType]
        return "; or ".join([*told, *(["null"] if NoneType in arguments else [])])
    if origin is Annotated:
        return _limited(arguments[0], arguments[1:])
    if origin is NotRequired:
        return _type(arguments[0])
    if origin is Literal:
        return "one of " + ", ".join(f"`{each}`" for each in arguments)
    if origin is list:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"object from {_type(arguments[0])} to {_type(arguments[1])}"
    if is_typeddict(hint):
        return f"[{hint.__name__}](#{hint.__name__.lower()})"
    return {bool: "boolean", int: "integer", str: "text", Any: "anything"}[hint]


def _limited(kind: Any, marks: tuple[Any, ...]) -> str:
    bounds: dict[type, Any] = {type(mark): mark for mark in marks}
    told = [_type(kind)]
    if Ge in bounds and Le in bounds:
        told.append(f"{bounds[Ge].ge} to {bounds[Le].le}")
    length, unit = bounds.get(MaxLen), "characters" if kind is str else "entries"
    if length and MinLen in bounds:
        told.append(f"{bounds[MinLen].min_length} to {length.max_length} {unit}")
    elif length:
        told.append(f"at most {length.max_length} {unit}")
    elif MinLen in bounds:
        told.append(f"at least {bounds[MinLen].min_length} {unit}")
    if Pattern in bounds:
        told.append("matching `{}`".format(bounds[Pattern].expression.replace("|", "\\|")))
    assert set(bounds) <= {Ge, Le, MinLen, MaxLen, Pattern, Calendar, KeysAscend}, f"say what {marks} mean"
    return ", ".join(told)
