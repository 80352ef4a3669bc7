"""Writes the golden corpus: `python -m tests.corpus.authoring` adds a line for every fact whose version has none yet.

What stands in `v<n>/*.ndjson` is never written again, as an event that was stored never is. What those events fold to
is in `v<n>/folded.json`, and is written anew: an upcast may change it, and its commit shows the change.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from domain.catalogue import ENTITIES, FACTS, ON_DEVICES
from domain.facts import Fact
from sync import canonical, merge, shown, state_codec
from sync.author import Author, write
from sync.envelope import Event, parse
from sync.merge import State
from tests.corpus.samples import at, sayings
from tests.devices import NOON, replica_named

CORPUS: Final = Path(__file__).parent
_WRITERS: Final = ("ada", "ben", "office")


def lines(folder: Path) -> list[bytes]:
    """The events of one schema version, in the order in which they were written."""
    return [line for path in sorted(folder.glob("*.ndjson")) for line in path.read_bytes().splitlines()]


def folders() -> list[Path]:
    """The corpus of each schema version, the oldest first; what no device knows lies apart, in `office`."""
    return sorted([*CORPUS.glob("v*"), *(CORPUS / "office").glob("v*")], key=lambda folder: int(folder.name[1:]))


def told_already() -> set[tuple[str, str, int]]:
    """(entity, event type, version) of every line there is."""
    events = (orjson.loads(line) for folder in folders() for line in lines(folder))
    return {(each["entity"]["type"], each["type"], each["v"]) for each in events}


def untold() -> list[Fact]:
    """The facts that nobody wrote down in the version they have today."""
    told = told_already()
    facts = [fact for entity in sorted(FACTS) for fact in FACTS[entity].values()]
    return [fact for fact in facts if (fact.entity, fact.name, fact.version) not in told]


def folded(raws: Iterable[bytes]) -> dict[str, State]:
    """The state of every entity, by id, with each event as of its own stamp."""
    states: dict[str, State] = {}
    for event in map(parse, raws):
        before = states.get(event.entity) or merge.empty(event.entity_type)
        states[event.entity] = merge.apply(before, event, event.at)
    return states


def expected(raws: Iterable[bytes]) -> dict[str, Any]:
    """What `folded.json` holds: the hash of all states, and what a person would see of each entity."""
    states = folded(raws)
    hashed = state_codec.state_hash((name, state_codec.encode(state)) for name, state in states.items())
    entities = {
        name: {
            "type": state.type,
            "values": shown.values(state),
            "asks": [[each.field, each.reason, list(each.values)] for each in shown.conflicts(state)],
        }
        for name, state in states.items()
    }
    return {"entities": entities, "state_hash": hashed}


class Pen:
    """Three replicas that write in turn, the third of them without having heard of the last four events."""

    def __init__(self, folder: str, entity: str) -> None:
        self.authors = [Author(replica=replica_named(name)) for name in _WRITERS]
        self.place = f"{int(folder[1:]):04x}-7{sorted(ENTITIES).index(entity):03x}"
        self.told: list[Event] = []

    def tell(self, fact: Fact, thing: int, data: Mapping[str, Any]) -> bytes:
        """One more event about the thing with that number."""
        number = len(self.told)
        turn = number % len(self.authors)
        entity = f"01900000-{self.place}-8000-{thing:012x}"
        about = [each for each in self.told if each.entity == entity]
        known = about[: max(1, len(about) - 4)] if turn == 2 else about
        self.authors[turn], raw = write(
            self.authors[turn],
            id=f"01900001-{self.place}-9000-{number:012x}",
            entity_type=fact.entity,
            entity=entity,
            type=fact.name,
            data=dict(data),
            clock={each.replica: each.seq for each in known},
            now_ms=NOON + number,
        )
        self.told.append(parse(raw))
        return raw


def history(folder: str, entity: str, facts: Iterable[Fact]) -> Iterator[bytes]:
    """Every one of these facts, as often as it takes to say each sample of each of its fields."""
    pen, things = Pen(folder, entity), 0
    wanted = [each for each in facts if each.creates] or [FACTS[entity]["Created"]]
    for fact in wanted:
        for data in _saying_everything(fact):
            yield pen.tell(fact, things, data)
            things += 1
    for number, fact in enumerate(each for each in facts if not each.creates):
        for data in _saying_everything(fact):
            yield pen.tell(fact, number % 2, data)


def _saying_everything(fact: Fact) -> Iterator[dict[str, Any]]:
    said = {name: sayings(ENTITIES[fact.entity].fields[name]) for name in fact.fields}
    for place in range(max([1, *map(len, said.values())])):
        yield {name: at(some, place) for name, some in said.items()}


def main() -> None:
    """Add what is missing, and write down anew what everything folds to."""
    missing: dict[str, list[Fact]] = defaultdict(list)
    for fact in untold():
        missing[fact.entity].append(fact)
    for entity, facts in missing.items():
        folder = f"v{max(fact.version for fact in facts)}"
        path = (CORPUS if entity in ON_DEVICES else CORPUS / "office") / folder / f"{entity}.ndjson"
        path.parent.mkdir(exist_ok=True, parents=True)
        with path.open("xb") as file:
            file.writelines(raw + b"\n" for raw in history(folder, entity, facts))
    for each in folders():
        (each / "folded.json").write_bytes(_one_entity_per_line(expected(lines(each))))


def _one_entity_per_line(document: Mapping[str, Any]) -> bytes:
    entities = [b'"%s":%s' % (name.encode(), canonical.dumps(told)) for name, told in document["entities"].items()]
    return b'{"entities":{\n%s},\n"state_hash":"%s"}\n' % (b",\n".join(entities), document["state_hash"].encode())


if __name__ == "__main__":
    main()
