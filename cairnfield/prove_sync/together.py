"""I9: of events that stand or fall together nobody sees a part, be it told as events, as states or as both."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from cairnfield.prove_sync.answers import taken_in_after_all
from cairnfield.prove_sync.history import Op
from cairnfield.prove_sync.ledger import Fault, Ledger, LogEvent, people
from cairnfield.prove_sync.pages import TakenIn, pages_taken_in

Group = Sequence[LogEvent]


def all_or_nothing(history: Sequence[Op], ledger: Ledger) -> Iterator[Fault]:
    """I9: of events that stand or fall together nobody sees a part.

    What was set aside together people take in one by one; then none of it is in the log that they did not take in.
    """
    groups: dict[str, list[LogEvent]] = defaultdict(list)
    taken_in, last = taken_in_after_all(history), len(history) - 1
    for each in ledger.log:
        if each.tx is not None:
            groups[each.tx[0]].append(each)
    whole: dict[str, Group] = {}
    for name, members in groups.items():
        if any(each.id in taken_in for each in members):
            beside = [each for each in members if each.id not in taken_in]
            yield from (Fault("I9", f"{each.id} came in beside what was set aside with it", last) for each in beside)
        elif [each.tx for each in members] != [(name, i, len(members)) for i in range(1, len(members) + 1)]:
            told = sorted(each.tx[1:] for each in members if each.tx)
            yield Fault("I9", f"of the events of {name} these are in the log: {told}", last)
        else:
            whole[name] = members
    yield from _seen_in_part(history, ledger, whole)


def _seen_in_part(history: Sequence[Op], ledger: Ledger, whole: Mapping[str, Group]) -> Iterator[Fault]:
    groups_of: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name, members in whole.items():
        for each in members:
            groups_of[each.entity].append((each.version, name))
    person = people(history)
    to_look_at: dict[str, set[str]] = defaultdict(set)
    for taken in pages_taken_in(history):
        waiting = to_look_at[taken.process]
        if taken.is_begun_anew:
            waiting.clear()
        for entity, before in taken.before.items():
            now = taken.versions[entity]
            waiting.update(name for version, name in groups_of.get(entity, ()) if before < version <= now)
        if not taken.is_level:
            continue  # it may hold part of what it is let into, until it has come to where that was read
        for name in sorted(waiting):
            yield from _part_of(taken, name, whole[name], ledger, person.get(taken.process))
        waiting.clear()


def _part_of(taken: TakenIn, name: str, members: Group, ledger: Ledger, person: str | None) -> Iterator[Fault]:
    page = taken.page.value
    epoch = ledger.epoch_at(taken.line, page.get("epoch"))
    if not ledger.survived(epoch, members[-1].position):
        return
    if person is not None and not ledger.survived(epoch, max(taken.cursor, page["head"])):
        return  # who was let in where is known from the last log
    mine = [each for each in members if ledger.sees(person, each, taken.cursor, head=page["head"])]
    has = {taken.versions.get(each.entity, 0) >= each.version for each in mine}
    if len(has) == 2:
        where = f"{taken.process} stood at {taken.cursor}"
        yield Fault("I9", f"{where} with a part of what {name} holds together", taken.line)
