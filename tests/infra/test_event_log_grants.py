"""Who may see what, as an event log keeps it: the same in memory and in Postgres, however the events came in."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

import pytest

from sync import merge
from sync.author import Author
from sync.envelope import parse
from sync.log import Changes, Conflicting, Known, Wanted, WantedGrants
from sync.rows import EndedRow, GrantRow, LaterRow, ScopeLinkRow, ScopeRow, TrackedRow
from sync.shown import values
from tests.devices import PERSON_1, PERSON_2, Device, new_id
from tests.infra.event_logs import REPLICA, Office, Offices, at, event, events
from tests.infra.pushing import LARGE, device, pushed, verdicts

ADA: Final = "01900000-0000-7000-8000-00000000a0a0"
BEN: Final = "01900000-0000-7000-8000-00000000b0b0"
EVE: Final = "01900000-0000-7000-8000-00000000e0e0"
PEOPLE: Final = (ADA, BEN, EVE)


def seen_by(office: Office, person: str, *, when: int | None = None) -> set[str]:
    return {
        each.scope for each in office.log.scopes(office.tenant, person, at=office.position if when is None else when)
    }


def naive(office: Office) -> list[dict[str, set[str]]]:
    """For every position of the log, what each of PEOPLE may see: worked out by reading the whole log anew."""
    states: dict[str, merge.State] = {}
    jobs: dict[str, set[str]] = {}
    told: list[dict[str, set[str]]] = [{person: set() for person in PEOPLE}]
    for row in office.events():
        said = parse(row.body)
        state = states.get(row.entity, merge.empty(row.entity_type))
        states[row.entity] = merge.apply(state, said, row.effective)
        if row.entity_type == "work_order" and row.type == "Created":
            data: Any = said.data
            jobs[row.scope] = {f"customer:{data['customer_id']}", f"site:{data['site_id']}"}
        seen: dict[str, set[str]] = {person: set() for person in PEOPLE}
        for visit in (each for each in states.values() if each.type == "visit"):
            job = f"work_order:{values(visit)['work_order_id']}"
            named = {write.value for write in visit.cells.get("assignee_id", ())} | set(visit.cells.get("crew", ()))
            for person in named & set(PEOPLE):
                seen[person] |= {job} | jobs.get(job, set())
        told.append(seen)
    return told


def is_as_the_log_says(office: Office) -> None:
    expected = naive(office)
    for position, seen in enumerate(expected):
        for person, scopes in seen.items():
            assert seen_by(office, person, when=position) == scopes, position


def grant(person: str, scope: str, position: int, via: str) -> GrantRow:
    return GrantRow(person, scope, via, position)


def test_a_grant_holds_from_its_event_to_the_event_that_ends_it(office: Office) -> None:
    via = new_id()
    office.store(Changes(events=events(1), granted=[grant(ADA, "work_order:1", 1, via)]))
    office.store(Changes(events=events(2, after=1), ended=[EndedRow(ADA, "work_order:1", via, 3)]))
    seen = [list(office.log.scopes(office.tenant, ADA, at=position)) for position in range(4)]
    assert seen == [[], [ScopeRow("work_order:1", 1)], [ScopeRow("work_order:1", 1)], []]


def test_one_commit_may_grant_end_and_grant_again(office: Office) -> None:
    via, scope = new_id(), "work_order:1"
    office.store(
        Changes(
            events=events(5),
            granted=[grant(ADA, scope, 1, via), grant(ADA, scope, 3, via)],
            ended=[EndedRow(ADA, scope, via, 2), EndedRow(ADA, scope, via, 5)],
        )
    )
    office.store(Changes(events=events(1, after=5), granted=[grant(ADA, scope, 6, via)]))
    seen = [[each.since for each in office.log.scopes(office.tenant, ADA, at=at_)] for at_ in range(7)]
    assert seen == [[], [1], [], [3], [3], [], [6]]


def test_who_is_let_in_twice_is_out_when_both_have_ended(office: Office) -> None:
    one, other, scope = new_id(), new_id(), "work_order:1"
    granted = [grant(ADA, scope, 1, one), grant(ADA, scope, 2, other)]
    office.store(
        Changes(events=events(4), granted=granted, ended=[EndedRow(ADA, scope, one, 3), EndedRow(ADA, scope, other, 4)])
    )
    assert [len(seen_by(office, ADA, when=position)) for position in range(5)] == [0, 1, 1, 1, 0]


def test_a_scope_leads_to_others_from_the_event_that_says_so(office: Office) -> None:
    links = [ScopeLinkRow("work_order:1", "site:1", 2), ScopeLinkRow("work_order:2", "site:1", 2)]
    office.store(Changes(events=events(2), granted=[grant(ADA, "work_order:1", 1, new_id())], links=links))
    assert [*office.log.scopes(office.tenant, ADA, at=1)] == [ScopeRow("work_order:1", 1)]
    assert [*office.log.scopes(office.tenant, ADA, at=2)] == [ScopeRow("site:1", 2), ScopeRow("work_order:1", 1)]
    assert seen_by(office, BEN) == set()


def test_a_decision_is_shown_what_it_wants_of_grants_and_nothing_else(office: Office) -> None:
    ada, via = device(office, "ada2"), new_id()
    site = new_id()
    pushed(office, [ada.create("site", site)])
    scope = f"site:{site}"
    granted = [grant(ADA, "work_order:1", 2, via), grant(ADA, "work_order:2", 2, via), grant(BEN, scope, 2, via)]
    links = [ScopeLinkRow("work_order:1", scope, 2)]
    office.store(Changes(events=events(1, after=1), granted=granted, links=links))
    wanted = Wanted(grants=[WantedGrants(ADA, [site], ["work_order:2", "work_order:3"]), WantedGrants(BEN, [site])])
    assert office.known(wanted).grants == {(ADA, scope): None, (ADA, "work_order:2"): None, (BEN, scope): None}
    ended = [EndedRow(ADA, "work_order:1", via, 3), EndedRow(ADA, "work_order:2", via, 3)]
    office.store(Changes(events=events(1, after=2), ended=ended))
    assert office.known(wanted).grants == {(ADA, scope): 3, (ADA, "work_order:2"): 3, (BEN, scope): None}
    assert office.known(Wanted(entities=[site])).grants == {}


def test_a_decision_is_shown_when_a_grant_ended_and_what_its_scopes_lead_to(office: Office) -> None:
    via, site = new_id(), new_id()
    links = [ScopeLinkRow("work_order:1", f"site:{site}", 1), ScopeLinkRow("work_order:2", "site:2", 1)]
    office.store(Changes(events=events(1), granted=[grant(ADA, "work_order:1", 1, via)], links=links))
    wanted = Wanted(grants=[WantedGrants(ADA, [], ["work_order:1", f"site:{site}", "work_order:3"])])
    known = office.known(wanted)
    assert (known.ended_at_ms, known.leads_to) == ({}, {"work_order:1": frozenset({f"site:{site}"})})
    office.store(Changes(events=events(1, after=1), ended=[EndedRow(ADA, "work_order:1", via, 2)]))
    assert office.known(wanted).ended_at_ms == {2: office.events()[1].recorded_at_ms}
    assert office.known(Wanted(entities=[site])).leads_to == {}


def test_two_tenants_see_nothing_of_each_other(kind: Offices) -> None:
    one, other = kind.new(), kind.new()
    via, links = new_id(), [ScopeLinkRow("work_order:1", "site:1", 1)]
    one.store(Changes(events=events(1), granted=[grant(ADA, "work_order:1", 1, via)], links=links))
    other.store(Changes(events=events(2), granted=[grant(ADA, "work_order:2", 1, via)]))
    assert seen_by(one, ADA) == {"work_order:1", "site:1"}
    assert seen_by(other, ADA) == {"work_order:2"}
    other.store(Changes(events=events(1, after=2), ended=[EndedRow(ADA, "work_order:1", via, 3)]))
    assert seen_by(one, ADA) == {"work_order:1", "site:1"}
    asked = Wanted(grants=[WantedGrants(ADA, [], ["work_order:1", "work_order:2", "site:1"])])
    assert other.known(asked).grants == {(ADA, "work_order:2"): None}


def test_nothing_is_granted_by_what_was_not_stored(office: Office) -> None:
    granted, tracked = [grant(ADA, "work_order:1", 1, new_id())], [TrackedRow("somebody", 1)]
    office.store(Changes(tracked=tracked))
    with pytest.raises(Conflicting):
        office.store(Changes(events=events(1), granted=granted, tracked=tracked))
    assert office.position == 0
    assert seen_by(office, ADA) == set()


def test_later_verdicts_are_kept(office: Office) -> None:
    """What reads them is the pull; here they only must be taken, also when one event is told of twice."""
    verdict = {"seq": 1, "id": None, "verdict": "accepted", "position": 1}
    office.store(Changes(events=events(1), replicas=[at(1)], later=[LaterRow(REPLICA, 1, None, 1, verdict)]))
    office.store(Changes(events=[event(2)], later=[LaterRow(REPLICA, 1, None, 2, verdict)]))
    assert office.position == 2


def test_somebody_may_have_two_hundred_jobs(office: Office) -> None:
    imke = device(office, "imke")
    jobs = [new_id() for _ in range(200)]
    raws: list[bytes] = []
    for job in jobs:
        where = {"customer_id": new_id(), "site_id": new_id()}
        raws += [imke.create("work_order", job, where), _planned(imke, new_id(), job, assignee_id=ADA)]
    pushed(office, raws[:250])
    pushed(office, raws[250:])
    assert {f"work_order:{job}" for job in jobs} < seen_by(office, ADA)
    assert len(seen_by(office, ADA)) == 600


def test_five_thousand_entities_are_let_in_by_one_visit(office: Office) -> None:
    imke, ada, job = device(office, "imke"), device(office, "ada2", PERSON_2), new_id()
    raws = [imke.create("work_order", job)]
    raws += [imke.create("time_entry", new_id(), {"work_order_id": job}) for _ in range(5_000)]
    for start in range(0, len(raws), 500):
        assert set(verdicts(pushed(office, raws[start : start + 500], role="supervisor"))) == {"accepted"}
    edit = ada.tell("work_order", job, "Edited", {"title": "Mine"})
    assert verdicts(pushed(office, [edit], role="technician", person=PERSON_2)) == ["quarantined"]
    pushed(office, [_planned(imke, new_id(), job, assignee_id=PERSON_2)])
    stopped = [
        ada.tell("time_entry", parse(raw).entity, "TimerStopped", {"stopped_at": "2026-01-01T09:00:00.000Z"})
        for raw in raws[1:]
    ]
    for start in range(0, len(stopped), 500):
        answer = pushed(office, stopped[start : start + 500], role="technician", person=PERSON_2)
        assert set(verdicts(answer)) == {"accepted"}


def _planned(device: Device, visit: str, job: str, **named: Any) -> bytes:
    return device.tell("visit", visit, "VisitPlanned", {"work_order_id": job, **named})


def _shuffling(devices: Sequence[Device], random: Random, rounds: int) -> list[list[bytes]]:
    """Batches in which several people plan, reassign and take along, often without knowing of each other."""
    jobs, visits = [new_id() for _ in range(4)], [new_id() for _ in range(6)]
    office = devices[0]
    batches = [
        [office.create("work_order", job, {"customer_id": new_id(), "site_id": new_id()}) for job in jobs],
        [_planned(office, visit, random.choice(jobs), assignee_id=random.choice(PEOPLE)) for visit in visits],
    ]
    for _ in range(rounds):
        author = random.choice(devices)
        if random.random() < 0.5:
            author.see(*(raw for batch in batches for raw in batch))
        batches.append([_move(author, random.choice(visits), random) for _ in range(random.randint(1, 4))])
    return batches


def _move(author: Device, visit: str, random: Random) -> bytes:
    person = random.choice(PEOPLE)
    match random.randrange(4):
        case 0:
            return author.tell("visit", visit, "VisitReassigned", {"assignee_id": person})
        case 1:
            return author.tell("visit", visit, "Edited", {"assignee_id": None})
        case 2:
            return author.tell("visit", visit, "Edited", {"crew": {"add": [person]}})
        case _:
            return author.tell("visit", visit, "Edited", {"crew": {"remove": [person]}})


@pytest.mark.parametrize("seed", range(3))
def test_what_people_may_see_follows_from_the_log_at_every_position(office: Office, seed: int) -> None:
    devices = [device(office, name) for name in ("imke", "otto", "uwe")]
    for batch in _shuffling(devices, Random(seed), 25):
        assert set(verdicts(pushed(office, batch))) == {"accepted"}
    is_as_the_log_says(office)
    assert any(seen_by(office, person) for person in PEOPLE)


def test_a_large_batch_that_was_decided_ahead_grants_at_the_positions_where_it_lies(office: Office) -> None:
    imke, otto, job, visit = device(office, "imke"), device(office, "otto"), new_id(), new_id()
    pushed(office, [imke.create("work_order", job)])
    raws = [_planned(imke, visit, job, assignee_id=ADA)]
    raws += [imke.create("customer", new_id()) for _ in range(LARGE)]
    raws += [imke.tell("visit", visit, "VisitReassigned", {"assignee_id": BEN})]
    raws += [imke.create("work_order", new_id(), {"site_id": new_id()})]
    between = [otto.create("customer", new_id()) for _ in range(5)]
    waiting = [lambda: pushed(office, between)]

    def look(known: Known) -> None:
        del known
        if waiting and office.log.__class__.__name__ == "PostgresEventLog":
            waiting.pop()()

    answer = pushed(office, raws, look)
    assert set(verdicts(answer)) == {"accepted"}
    is_as_the_log_says(office)
    first = answer.verdicts[0]["position"]
    assert f"work_order:{job}" in seen_by(office, ADA, when=first)
    assert f"work_order:{job}" not in seen_by(office, ADA, when=first - 1)


def test_pushes_that_share_a_commit_grant_what_they_would_have_granted_alone(office: Office) -> None:
    devices = [device(office, f"desk{letter}") for letter in "bcdefgh"]
    imke = devices[0]
    jobs, visits = [new_id() for _ in range(3)], [new_id() for _ in range(3)]
    pushed(office, [imke.create("work_order", job, {"site_id": new_id()}) for job in jobs])
    pushed(office, [_planned(imke, visit, job, assignee_id=ADA) for visit, job in zip(visits, jobs, strict=True)])
    office_view = [row.body for row in office.events()]
    for author in devices[1:]:
        author.see(*office_view)
    together = threading.Barrier(len(devices))

    def work(author: Device, random: Random) -> None:
        together.wait()
        for _ in range(12):
            pushed(office, [_move(author, random.choice(visits), random) for _ in range(2)])

    threads = [threading.Thread(target=work, args=(author, Random(n))) for n, author in enumerate(devices)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert office.position == 6 + len(devices) * 24
    is_as_the_log_says(office)


def test_a_grant_is_known_to_the_next_push(office: Office) -> None:
    imke, ada, job, visit = device(office, "imke"), device(office, "ada2", PERSON_2), new_id(), new_id()
    site = new_id()
    pushed(office, [imke.create("site", site), imke.create("work_order", job, {"site_id": site})])

    def edits() -> list[str]:
        dogs = {"hazards": {"add": ["dog"]}}
        raws = [ada.tell("work_order", job, "Edited", {"title": "x"}), ada.tell("site", site, "Edited", dogs)]
        ada.author = _having_seen(ada, office.position)
        return verdicts(pushed(office, raws, role="technician", person=PERSON_2))

    ada.see(*(row.body for row in office.events()))
    told = [edits()]
    pushed(office, [_planned(imke, visit, job, assignee_id=PERSON_2)])
    told.append(edits())
    pushed(office, [imke.tell("visit", visit, "VisitReassigned", {"assignee_id": PERSON_1})])
    told.append(edits())  # written before its author had pulled so far
    told.append(edits())
    assert told == [["quarantined"] * 2, ["accepted"] * 2, ["accepted"] * 2, ["quarantined"] * 2]


def _having_seen(device: Device, position: int) -> Author:
    return replace(device.author, seen=position)
