"""What a device is sent: what it may see and nothing else, in pages of any size, however often it is cut off."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from sync import state_codec
from sync.device import Device, begin_again, edit, out_of_step, restart
from sync.device import shown as state_of
from sync.fork import fork
from sync.frames import EnterFrame, EventFrame, LeaveFrame, Page, SnapshotFrame, VerdictFrame
from sync.handing_in import ask_again, heed, next_batch, settle
from sync.pull import CursorAhead
from sync.resume import ResumeUnknown
from sync.rows import LaterRow
from sync.taking_in import apply_page
from tests.devices import CREATED, NOON, PERSON_1, PERSON_2, new_id
from tests.sync.fleet import TENANT, Server, settled

ADA: Final = PERSON_1
BEN: Final = PERSON_2


def tell(
    device: Device,
    kind: str,
    entity: str,
    type: str = "Edited",  # noqa: A002  # its name on the wire
    data: Mapping[str, Any] | None = None,
) -> Device:
    said = {**(CREATED[kind] if type == "Created" else {}), **(data or {})}
    device, _ = edit(device, id=new_id(), entity_type=kind, entity=entity, type=type, data=said, now_ms=NOON)
    return device


class Office:
    """A server with a dispatcher, and jobs to give out."""

    def __init__(self) -> None:
        self.server = Server()
        self.desk = self.server.device()
        self.jobs: dict[str, str] = {}
        """By job, its site."""
        self.visits: dict[str, str] = {}
        """By visit, its job."""

    def say(self, kind: str, entity: str, type: str = "Edited", data: Mapping[str, Any] | None = None) -> None:  # noqa: A002
        self.desk = settled(self.server, tell(self.desk, kind, entity, type, data))

    def job(self) -> str:
        job, site, customer = new_id(), new_id(), new_id()
        self.say("customer", customer, "Created")
        self.say("site", site, "Created", {"customer_id": customer})
        self.say("work_order", job, "Created", {"customer_id": customer, "site_id": site})
        self.jobs[job] = site
        return job

    def visit(self, job: str, person: str | None, **more: Any) -> str:
        visit = new_id()
        self.visits[visit] = job
        self.say("visit", visit, "Created", {"work_order_id": job, "assignee_id": person, **more})
        return visit

    def give(self, visit: str, person: str | None) -> None:
        self.say("visit", visit, "VisitReassigned", {"assignee_id": person})


@pytest.fixture
def office() -> Office:
    return Office()


def pulled(office: Office, device: Device, **asked: Any) -> Device:
    """The device once it stands at the head."""
    while True:
        device = apply_page(device, office.server.page(device, **asked), now_ms=NOON)
        if device.cursor == office.server.head and not device.resume:
            return device


def is_right(office: Office, device: Device) -> None:
    """It holds what it may see and nothing else, in the server's words."""
    expected = office.server.seen_by(device)
    assert {entity: state_codec.encode(state) for entity, state in device.accepted.items()} == expected
    assert {device.homes[entity] for entity in device.accepted} == {
        row.scope for row in (office.server.log.entity(TENANT, entity) for entity in expected) if row
    }
    assert device.homes.keys() == device.accepted.keys()
    assert out_of_step(device, office.server.page(device, digests=True).digests or {}) == []


def kinds(page: Page) -> list[type]:
    return [type(frame) for frame in page.frames]


def test_c4_a_technician_is_sent_their_jobs_with_customer_and_site_and_no_others(office: Office) -> None:
    mine, other = office.job(), office.job()
    office.visit(mine, ADA)
    office.visit(other, BEN)
    office.say("part", new_id(), "Created")
    ada = pulled(office, office.server.device(ADA))
    is_right(office, ada)
    assert mine in ada.accepted
    assert office.jobs[mine] in ada.accepted
    assert other not in ada.accepted
    assert {state.type for state in ada.accepted.values()} == {"work_order", "visit", "site", "customer", "part"}


def test_what_is_sent_first_are_states_and_afterwards_events(office: Office) -> None:
    visit = office.visit(office.job(), ADA)
    page = office.server.page(office.server.device(ADA))
    assert set(kinds(page)) == {EnterFrame, SnapshotFrame}
    ada = pulled(office, office.server.device(ADA))
    office.say("visit", visit, data={"resolution": "Done."})
    (frame,) = office.server.page(ada).frames
    assert isinstance(frame, EventFrame)
    assert frame.position == office.server.head
    is_right(office, pulled(office, ada))


def test_c5_a_job_that_is_taken_away_leaves_and_unsent_work_on_it_stays(office: Office) -> None:
    job = office.job()
    visit = office.visit(job, ADA)
    ada = pulled(office, office.server.device(ADA))
    ada = tell(ada, "visit", visit, data={"resolution": "Tightened the valve."})
    office.give(visit, BEN)
    page = office.server.page(ada)
    assert {frame.scope for frame in page.frames if isinstance(frame, LeaveFrame)} >= {f"work_order:{job}"}
    ada = pulled(office, ada)
    assert state_of(ada, job) is None
    assert state_of(ada, visit) is None
    assert len(ada.outbox) == 1
    is_right(office, ada)
    ada = settle(ada, office.server.push(next_batch(ada)))
    ada = pulled(office, ada)
    assert not ada.outbox, "it was written before anybody could know, so it is accepted, and will not come back"
    assert len(ada.kept) == 1
    office.desk = settled(office.server, office.desk)
    is_right(office, pulled(office, office.server.device(BEN)))


def test_c6_a_job_that_comes_back_is_sent_anew(office: Office) -> None:
    visit = office.visit(office.job(), ADA)
    ada = pulled(office, office.server.device(ADA))
    office.give(visit, BEN)
    office.say("visit", visit, data={"resolution": "Ben was here."})
    office.give(visit, ADA)
    page = office.server.page(ada)
    assert [LeaveFrame, EnterFrame, SnapshotFrame] == list(dict.fromkeys(kinds(page)))
    is_right(office, apply_page(ada, page, now_ms=NOON))


def test_two_visits_to_one_job_let_somebody_in_until_both_are_gone(office: Office) -> None:
    job = office.job()
    one, other = office.visit(job, ADA), office.visit(job, ADA)
    ada = pulled(office, office.server.device(ADA))
    office.give(one, BEN)
    assert set(kinds(office.server.page(ada))) == {EventFrame}
    ada = pulled(office, ada)
    office.give(other, BEN)
    assert LeaveFrame in kinds(office.server.page(ada))


def test_a_job_that_is_planned_before_it_is_there_enters_its_site_when_it_comes(office: Office) -> None:
    job, site = new_id(), new_id()
    office.visit(job, ADA)
    ada = pulled(office, office.server.device(ADA))
    office.say("site", site, "Created")
    office.say("work_order", job, "Created", {"site_id": site})
    ada = pulled(office, ada)
    assert site in ada.accepted
    is_right(office, ada)


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_a_bootstrap_may_stop_anywhere_and_the_log_may_move_on_meanwhile(office: Office, limit: int) -> None:
    visits = [office.visit(office.job(), ADA) for _ in range(3)]
    ada = office.server.device(ADA)
    began_at = office.server.head
    pages = 0
    while ada.cursor == 0:
        ada = apply_page(ada, office.server.page(ada, limit=limit), now_ms=NOON)
        office.say("visit", visits[pages % 3], data={"resolution": f"Later {pages}."})
        pages += 1
    assert ada.cursor == began_at
    assert pages >= 12 / limit
    is_right(office, pulled(office, ada, limit=limit))


def test_a_scope_that_leaves_in_the_middle_of_a_bootstrap_is_evicted_and_not_sent_on(office: Office) -> None:
    visits = [office.visit(office.job(), ADA) for _ in range(4)]
    ada = office.server.device(ADA)
    for _ in range(9):
        ada = apply_page(ada, office.server.page(ada, limit=1), now_ms=NOON)
    assert ada.resume
    for visit in visits:
        office.give(visit, BEN)
    rest = office.server.page(ada)
    assert SnapshotFrame not in kinds(rest)
    assert LeaveFrame in kinds(rest)
    ada = pulled(office, apply_page(ada, rest, now_ms=NOON))
    assert not ada.accepted
    is_right(office, ada)


def test_a_pull_that_is_given_up_leaves_nothing_behind(office: Office) -> None:
    visits = [office.visit(office.job(), ADA) for _ in range(2)]
    ada = office.server.device(ADA)
    for _ in range(6):
        ada = apply_page(ada, office.server.page(ada, limit=1), now_ms=NOON)
    assert ada.accepted
    assert ada.resume
    for visit in visits:
        office.give(visit, BEN)
    ada = pulled(office, replace(ada, resume=""))
    assert not ada.accepted
    is_right(office, ada)
    office.give(visits[0], ADA)
    began = apply_page(ada, office.server.page(ada, limit=1), now_ms=NOON)
    office.give(visits[0], BEN)
    is_right(office, pulled(office, replace(began, resume="")))


def test_a_refetch_that_is_given_up_takes_nothing_away(office: Office) -> None:
    job = office.job()
    office.visit(job, ADA)
    ada = pulled(office, office.server.device(ADA))
    before = ada.accepted
    ada = apply_page(ada, office.server.page(ada, refetch=f"work_order:{job}", limit=1), now_ms=NOON)
    assert ada.resume
    assert ada.accepted == before, "what is fetched again stays shown meanwhile"
    is_right(office, pulled(office, replace(ada, resume="")))


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 8])
def test_what_enters_and_what_goes_on_share_the_room_of_a_page(office: Office, limit: int) -> None:
    visit = office.visit(office.job(), ADA)
    ada = pulled(office, office.server.device(ADA))
    for number in range(3):
        office.say("visit", visit, data={"resolution": f"{number}"})
    office.visit(office.job(), ADA)
    for number in range(3):
        office.say("visit", visit, data={"resolution": f"Again {number}"})
    while ada.cursor < office.server.head or ada.resume:
        page = office.server.page(ada, limit=limit)
        assert sum(isinstance(frame, EventFrame | SnapshotFrame) for frame in page.frames) <= limit
        ada = apply_page(ada, page, now_ms=NOON)
    is_right(office, ada)


def test_todays_jobs_come_before_the_catalog_and_that_before_the_rest(office: Office) -> None:
    jobs = [office.job() for _ in range(3)]
    office.say("part", new_id(), "Created")
    for job in jobs:
        office.visit(job, ADA)
    scopes = [f"work_order:{job}" for job in jobs]
    page = office.server.page(office.server.device(ADA), first=lambda rows: [row.scope for row in rows][1:2])
    entered = [frame.scope for frame in page.frames if isinstance(frame, EnterFrame)]
    assert entered[0] == scopes[1], "of three grants the newest comes first, and the middle one was chosen"
    assert sorted(scope.partition(":")[0] for scope in entered[1:3]) == ["customer", "site"]
    assert entered[3] == "catalog"
    assert entered[4:] == sorted(entered[4:])
    assert {*scopes} <= {*entered}


def test_everything_enters_as_one_for_whoever_sees_everything(office: Office) -> None:
    office.visit(office.job(), ADA)
    desk = office.server.device()
    page = office.server.page(desk)
    assert [frame.scope for frame in page.frames if isinstance(frame, EnterFrame)] == ["*"]
    for limit in (1, 3, 1_000):
        is_right(office, pulled(office, office.server.device(), limit=limit))


def test_a_page_that_comes_twice_changes_nothing(office: Office) -> None:
    visit = office.visit(office.job(), ADA)
    ada = office.server.device(ADA)
    for _ in range(3):
        page = office.server.page(ada)
        once = apply_page(ada, page, now_ms=NOON)
        assert apply_page(once, page, now_ms=NOON) == once
        ada = once
        office.say("visit", visit, data={"resolution": f"Said {ada.cursor}."})


def test_a_page_that_comes_late_changes_nothing(office: Office) -> None:
    visit = office.visit(office.job(), ADA)
    ada = office.server.device(ADA)
    late = office.server.page(ada)
    office.say("visit", visit, data={"resolution": "Done."})
    ada = pulled(office, ada)
    assert apply_page(ada, late, now_ms=NOON) == ada


def test_a_page_that_answers_something_else_changes_nothing(office: Office) -> None:
    for _ in range(3):
        office.visit(office.job(), ADA)
    ada = office.server.device(ADA)
    first = office.server.page(ada, limit=1)
    ada = apply_page(ada, first, now_ms=NOON)
    rest = office.server.page(ada)
    assert apply_page(replace(ada, resume=""), rest, now_ms=NOON) == replace(ada, resume="")
    assert apply_page(ada, first, now_ms=NOON) == ada
    is_right(office, apply_page(ada, rest, now_ms=NOON))


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_what_stands_or_falls_together_is_never_cut_in_two(office: Office, limit: int) -> None:
    office.job()
    reader, desk = pulled(office, office.server.device()), office.desk
    for n in (1, 3, 1, 2):
        tx = new_id()
        for i in range(1, n + 1):
            desk, _ = edit(
                desk,
                id=new_id(),
                entity_type="part",
                entity=new_id(),
                type="Created",
                data=dict(CREATED["part"]),
                now_ms=NOON,
                tx={"id": tx, "i": i, "n": n},
            )
    office.desk = settled(office.server, desk)
    while reader.cursor < office.server.head:
        page = office.server.page(reader, limit=limit)
        last = page.events[-1].event.tx
        assert last is not None
        assert last["i"] == last["n"]
        assert len(page.events) <= max(limit, 3)
        reader = apply_page(reader, page, now_ms=NOON)
    is_right(office, reader)


def test_a_state_that_was_spoiled_is_found_and_fetched_again(office: Office) -> None:
    job = office.job()
    visit = office.visit(job, ADA)
    ada = pulled(office, office.server.device(ADA))
    other = office.jobs[job]
    spoiled = {**ada.accepted, visit: ada.accepted[other], new_id(): ada.accepted[visit]}
    ada = replace(ada, accepted=spoiled, homes={**ada.homes, list(spoiled)[-1]: f"work_order:{job}"})
    ada = tell(ada, "site", other, data={"directions": "left"})
    told = office.server.page(ada, digests=True)
    assert told.cursor == told.head
    assert out_of_step(ada, told.digests or {}) == [f"work_order:{job}"]
    for limit in (1, 1_000):
        mended = apply_page(ada, office.server.page(ada, refetch=f"work_order:{job}", limit=limit), now_ms=NOON)
        while mended.resume:
            mended = apply_page(mended, office.server.page(mended, limit=limit), now_ms=NOON)
        assert mended.cursor == ada.cursor
        assert mended.outbox == ada.outbox
        is_right(office, mended)


def test_a_scope_that_is_not_theirs_any_more_is_answered_with_a_leave(office: Office) -> None:
    job = office.job()
    ada = pulled(office, office.server.device(ADA))
    (frame,) = office.server.page(ada, refetch=f"work_order:{job}").frames
    assert frame == LeaveFrame(f"work_order:{job}", office.server.head)


def test_a_dispatcher_whose_memory_was_spoiled_fetches_everything_again(office: Office) -> None:
    job = office.job()
    desk = pulled(office, office.server.device())
    desk = replace(desk, accepted={**desk.accepted, job: desk.accepted[office.jobs[job]]})
    assert out_of_step(desk, office.server.page(desk, digests=True).digests or {}) == ["*"]
    is_right(office, apply_page(desk, office.server.page(desk, refetch="*"), now_ms=NOON))


def test_digests_are_told_at_the_head_only(office: Office) -> None:
    office.job()
    desk = office.server.device()
    assert office.server.page(desk, digests=True, limit=1).digests is None
    assert (office.server.page(desk, digests=True).digests or {}).keys() == {"*"}
    desk = pulled(office, desk)
    office.job()
    assert office.server.page(desk, digests=True, limit=1).digests is None
    assert office.server.page(desk).digests is None


def test_digests_that_would_overfill_a_page_are_left_out(office: Office) -> None:
    office.visit(office.job(), ADA)
    ada = pulled(office, office.server.device(ADA))
    assert len(office.server.page(ada, digests=True, bytes_max=5_000).digests or {}) == 3
    assert office.server.page(ada, digests=True, bytes_max=4_200).digests is None


def test_a_cursor_ahead_of_the_log_is_refused_with_where_it_ends(office: Office) -> None:
    office.job()
    with pytest.raises(CursorAhead) as ahead:
        office.server.page(replace(office.desk, cursor=99))
    assert (ahead.value.head, ahead.value.epoch) == (office.server.head, office.server.log.head(TENANT).epoch)


def test_a_word_to_resume_belongs_to_its_cursor_and_its_epoch(office: Office) -> None:
    office.job()
    desk = office.server.device()
    desk = apply_page(desk, office.server.page(desk, limit=1), now_ms=NOON)
    assert desk.resume
    for resume in ("nonsense", "bm9uc2Vuc2U", "ä", "W10", "bnVsbA", desk.resume[:-4]):
        with pytest.raises(ResumeUnknown):
            office.server.page(desk, resume=resume)
    with pytest.raises(ResumeUnknown):
        office.server.page(replace(desk, cursor=1))
    office.server.restore(office.server.backup())
    page = office.server.page(desk)
    assert page.frames[0] == EnterFrame("*", 1), "in another epoch it begins again"


def test_a_device_of_another_view_begins_again_and_shows_what_it_knew_meanwhile(office: Office) -> None:
    mine, other = office.job(), office.job()
    office.visit(mine, ADA)
    device = pulled(office, office.server.device())
    device = tell(device, "work_order", other, data={"title": "Pump"})
    office.server.owners[device.author.replica] = ADA
    office.say("work_order", mine, data={"title": "Valve"})
    page = office.server.page(device)
    device = apply_page(device, page, now_ms=NOON)
    assert (device.cursor, device.view) == (0, ADA)
    assert state_of(device, other) is not None
    device = pulled(office, device, limit=2)
    assert state_of(device, other) is None
    assert len(device.outbox) == 1
    is_right(office, device)


def test_a_verdict_that_came_later_is_told_until_the_log_has_moved_on(office: Office) -> None:
    job = office.job()
    desk = pulled(office, office.server.device())
    other = office.server.device()
    unseen = desk.accepted[job]._replace(clock={**desk.accepted[job].clock, other.author.replica: 1})
    desk = tell(replace(desk, accepted={**desk.accepted, job: unseen}), "work_order", job, data={"title": "Pump"})
    desk = settle(desk, office.server.push(next_batch(desk)))
    assert {each.verdict for each in desk.outbox.values()} == {"held"}
    other = tell(pulled(office, other), "work_order", job, data={"description": "It drips."})
    settle(other, office.server.push(next_batch(other)))
    page = office.server.page(desk)
    told = [frame.verdict for frame in page.frames if isinstance(frame, VerdictFrame)]
    assert [each["verdict"] for each in told] == ["accepted"]
    desk = replace(pulled(office, desk), resume="")
    assert not desk.outbox
    assert VerdictFrame in kinds(office.server.page(desk)), "it may not have arrived"
    office.job()
    desk = pulled(office, desk)
    assert VerdictFrame not in kinds(office.server.page(desk))


@pytest.mark.parametrize("limit", [1, 2, 1_000])
def test_no_verdict_that_came_later_is_left_out_however_many_there_are(office: Office, limit: int) -> None:
    jobs = [office.job() for _ in range(3)]
    desk, other = pulled(office, office.server.device()), pulled(office, office.server.device())
    for job in jobs:
        other = tell(other, "work_order", job, data={"description": "It drips."})
        clock = {**desk.accepted[job].clock, other.author.replica: other.author.seq}
        desk = replace(desk, accepted={**desk.accepted, job: desk.accepted[job]._replace(clock=clock)})
        desk = tell(desk, "work_order", job, data={"title": "Pump"})
    desk = settle(desk, office.server.push(next_batch(desk)))
    assert {each.verdict for each in desk.outbox.values()} == {"held"}
    settle(other, office.server.push(next_batch(other)))
    told = set[str]()
    while desk.cursor < office.server.head:
        page = office.server.page(desk, limit=limit)
        told |= {frame.verdict["id"] for frame in page.frames if isinstance(frame, VerdictFrame)}
        positions = [frame.verdict["position"] for frame in page.frames if isinstance(frame, VerdictFrame)]
        assert all(position <= page.cursor for position in positions)
        desk = apply_page(desk, page, now_ms=NOON)
    assert len(told) == 3
    assert not desk.outbox


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_verdicts_lead_a_page_no_further_than_they_are_told(office: Office, limit: int) -> None:
    office.job()
    ada = pulled(office, office.server.device(ADA))
    for _ in range(3):
        office.job()
    told = [LaterRow(ada.author.replica, seq, new_id(), 2 * seq + 2, {"id": f"{seq}"}) for seq in (1, 2, 3, 4)]
    office.server.log._tenants[TENANT].later.extend(told)
    heard = list[str]()
    while ada.cursor < office.server.head:
        page = office.server.page(ada, limit=limit)
        heard += [frame.verdict["id"] for frame in page.frames if isinstance(frame, VerdictFrame)]
        ada = replace(ada, cursor=page.cursor)
    assert list(dict.fromkeys(heard)) == ["1", "2", "3", "4"]


def test_what_was_set_aside_and_is_accepted_after_all_is_taken_back(office: Office) -> None:
    job = office.job()
    office.server.role = "auditor"
    desk = tell(office.desk, "work_order", job, data={"title": "Pump"})
    desk = settle(desk, office.server.push(next_batch(desk)))
    (name,) = desk.quarantined
    for verdict, position in (("accepted", desk.cursor), ("accepted", 99), ("dismissed", 0)):
        after = heed(desk, [{"id": name, "verdict": verdict, "position": position}])
        assert not after.quarantined
        assert (name in after.kept) is (position != 99), "a server that forgets it is offered it again"
        assert (name in after.outbox) is (position == 99)


def test_what_was_set_aside_is_offered_again_to_a_server_that_may_have_lost_it(office: Office) -> None:
    job = office.job()
    office.server.role = "auditor"
    desk = tell(office.desk, "work_order", job, data={"title": "Pump"})
    desk = settle(desk, office.server.push(next_batch(desk)))
    (name,) = desk.quarantined
    desk = restart(desk, epoch="another")
    assert name in desk.outbox
    assert not desk.quarantined


def test_own_work_that_is_read_again_from_the_beginning_is_no_fork(office: Office) -> None:
    office.job()
    desk = begin_again(office.desk)
    desk = apply_page(desk, office.server.page(desk, history=True), now_ms=NOON)
    assert desk.forked_at is None
    assert desk.cursor == office.server.head


def test_a_held_event_that_is_set_aside_later_is_rolled_back(office: Office) -> None:
    visit = office.visit(office.job(), ADA)
    desk, other = pulled(office, office.server.device()), pulled(office, office.server.device())
    other = tell(other, "visit", visit, "VisitCancelled", {"cancel_reason": "No need."})
    knowing = settled(office.server, replace(other, outbox={}))
    event = next(iter(other.outbox.values())).event
    clock = {**knowing.accepted[visit].clock, event.replica: event.seq}
    state = other.edited[visit]._replace(clock=clock)
    desk = tell(replace(desk, accepted={**desk.accepted, visit: state}), "visit", visit, "VisitPaused")
    desk = settle(desk, office.server.push(next_batch(desk)))
    assert {each.verdict for each in desk.outbox.values()} == {"held"}
    settle(other, office.server.push(event.raw))
    desk = pulled(office, desk)
    assert not desk.outbox
    assert [each.code for each in desk.quarantined.values()] == ["illegal_move"]
    is_right(office, desk)


def test_accepted_work_is_kept_until_a_backup_holds_it_or_it_is_old(office: Office) -> None:
    office.job()
    desk = office.desk
    assert len(desk.kept) == 3
    tenant = office.server.log._tenants[TENANT]
    tenant.durable = 2
    assert sorted(each.position for each in apply_page(desk, office.server.page(desk), now_ms=NOON).kept.values()) == [
        3
    ]
    later = NOON + 15 * 24 * 60 * 60 * 1_000
    tenant.durable = 0
    assert not apply_page(desk, office.server.page(desk), now_ms=later).kept


def test_g4_a_server_that_came_back_older_is_given_everything_again_and_nothing_is_wiped(office: Office) -> None:
    first = office.job()
    backup = office.server.backup()
    lost = office.job()
    visit = office.visit(lost, ADA)
    ada = pulled(office, office.server.device(ADA))
    ada = settled(office.server, tell(ada, "visit", visit, data={"resolution": "Done."}))
    office.server.restore(backup)
    office.server.mint()
    assert office.server.head == 3
    with pytest.raises(CursorAhead):
        office.server.page(office.desk)
    desk = restart(office.desk, epoch=office.server.log.head(TENANT).epoch)
    assert desk.cursor == 0
    assert state_of(desk, lost) is not None
    assert len(desk.outbox) == 7
    desk = pulled(office, desk)
    assert state_of(desk, lost) is not None, "it was made here, so it is still here"
    office.desk = settled(office.server, desk)
    is_right(office, office.desk)
    assert {first, lost, visit} <= office.desk.accepted.keys()
    office.job()
    page = office.server.page(ada)
    ada = apply_page(ada, page, now_ms=NOON)
    assert (ada.cursor, ada.epoch) == (0, page.epoch)
    assert apply_page(ada, page, now_ms=NOON) == ada, "it answers what was asked before"
    ada = settled(office.server, fork(ada, replica=office.server.mint(ADA)))
    is_right(office, ada)
    office.desk = settled(office.server, office.desk)
    resolution = office.desk.accepted[visit].cells["resolution"]
    assert [write.value for write in resolution] == ["Done."]


def test_the_pages_of_a_pull_keep_to_their_size(office: Office) -> None:
    text = "x" * 8_000
    for _ in range(4):
        visit = office.visit(office.job(), ADA, resolution=text)
    ada = office.server.device(ADA)
    sizes: list[int] = []
    while ada.cursor < office.server.head or ada.resume:
        page = office.server.page(ada, bytes_max=20_000)
        sizes.append(sum(len(state_codec.encode(f.state)) for f in page.frames if isinstance(f, SnapshotFrame)))
        ada = apply_page(ada, page, now_ms=NOON)
    assert max(sizes) <= 20_000
    assert len(sizes) > 2
    for _ in range(5):
        office.say("visit", visit, data={"resolution": text})
    page = office.server.page(ada, bytes_max=30_000)
    assert 0 < sum(len(frame.event.raw) for frame in page.events) <= 30_000
    assert page.cursor < page.head
    is_right(office, pulled(office, ada, bytes_max=30_000))


number = st.integers(0, 5)
met: Counter[str] = Counter()


class Town(RuleBasedStateMachine):
    """A dispatcher gives out jobs and takes them back, and technicians work, on and off the line."""

    def __init__(self) -> None:
        super().__init__()
        self.office = Office()
        self.people = [ADA, ADA, BEN, None]
        self.devices = [self.office.server.device(person) for person in self.people]
        self.authored: set[str] = set()
        self.late: list[tuple[int, Page]] = []
        self.backup = self.office.server.backup()
        self.restored = 0
        for person in (ADA, BEN):
            self.office.visit(self.office.job(), person)

    @rule(seed=st.integers(0, 1_000))
    def some_time_passes(self, seed: int) -> None:
        """Most of a life is work, and chance alone gives too little of it."""
        random = Random(seed)
        for _ in range(12):
            device = random.randrange(len(self.devices))
            match random.randrange(8):
                case 0 | 1:
                    self.somebody_works(device, random.randrange(30))
                case 2:
                    self.somebody_hands_in(device, random.random() < 0.3)
                case 3:
                    self.a_visit_is_given_to_somebody(random.randrange(6), random.choice([ADA, BEN, None]))
                case 4 if random.random() < 0.3:
                    self.somebody_makes_a_site(device)
                case _:
                    way = random.choice(["take", "take", "take", "twice", "cut", "late"])
                    self.somebody_pulls_a_page(device, random.choice([1, 3, 50, 1_000]), way)

    @rule(person=st.sampled_from([ADA, BEN, None]))
    def a_job_is_given_out(self, person: str | None) -> None:
        self.office.visit(self.office.job(), person)

    @rule(visit=number, person=st.sampled_from([ADA, BEN, None]))
    def a_visit_is_given_to_somebody(self, visit: int, person: str | None) -> None:
        visits = [each for each in self.office.visits if each in self.office.desk.accepted]
        if visits:
            self.office.give(visits[visit % len(visits)], person)

    @rule(visit=number, add=st.booleans(), person=st.sampled_from([ADA, BEN]))
    def a_crew_changes(self, visit: int, add: bool, person: str) -> None:
        visits = [each for each in self.office.visits if each in self.office.desk.accepted]
        if visits:
            crew = {"crew": {"add" if add else "remove": [person]}}
            self.office.say("visit", visits[visit % len(visits)], data=crew)

    @rule(person=st.sampled_from([ADA, BEN, None]))
    def somebody_gets_another_device(self, person: str | None) -> None:
        if len(self.devices) < 6:
            self.devices.append(self.office.server.device(person))

    @rule(device=number, entity=st.integers(0, 30))
    def somebody_works(self, device: int, entity: int) -> None:
        device %= len(self.devices)
        seen = [*self.devices[device].accepted, *self.devices[device].edited]
        if not seen:
            return
        state = state_of(self.devices[device], seen[entity % len(seen)])
        if state is None or state.type == "part":
            return
        field = {"visit": "resolution", "work_order": "description", "site": "directions", "customer": "note"}
        if state.type in field:
            self._tell(device, state.type, seen[entity % len(seen)], "Edited", {field[state.type]: f"{entity}"})

    @rule(device=number)
    def somebody_makes_a_site(self, device: int) -> None:
        self._tell(device % len(self.devices), "site", new_id(), "Created", CREATED["site"])

    def _tell(self, device: int, kind: str, entity: str, type: str, data: Mapping[str, Any]) -> None:  # noqa: A002
        before = {*self.devices[device].outbox}
        self.devices[device] = tell(self.devices[device], kind, entity, type, data)
        self.authored |= {*self.devices[device].outbox} - before

    @rule(device=number, is_lost=st.booleans())
    def somebody_hands_in(self, device: int, is_lost: bool) -> None:
        device %= len(self.devices)
        self._mend(device)
        body = next_batch(self.devices[device])
        if body:
            answer = self.office.server.push(body)
            if not is_lost:
                self.devices[device] = settle(self.devices[device], answer)

    @rule(device=number, limit=st.sampled_from([1, 2, 5, 1_000]), way=st.sampled_from(["take", "twice", "cut", "late"]))
    def somebody_pulls_a_page(self, device: int, limit: int, way: str) -> None:
        device %= len(self.devices)
        page = self._page(device, limit=limit)
        if page is None:
            return
        met.update(type(frame).__name__ for frame in page.frames)
        met["resumed"] += bool(page.resume)
        if way == "late":
            self.late.append((device, page))
        elif way != "cut":
            for _ in range(2 if way == "twice" else 1):
                self.devices[device] = apply_page(self.devices[device], page, now_ms=NOON)

    @rule()
    def a_page_comes_late(self) -> None:
        if self.late:
            device, page = self.late.pop(0)
            self.devices[device] = apply_page(self.devices[device], page, now_ms=NOON)

    @rule(device=number)
    def somebody_loses_where_to_resume(self, device: int) -> None:
        device %= len(self.devices)
        self.devices[device] = replace(self.devices[device], resume="")

    @rule()
    def a_backup_is_made(self) -> None:
        self.backup = self.office.server.backup()

    @rule()
    def the_server_comes_back_from_its_backup(self) -> None:
        if self.restored < 3:
            self.restored += 1
            met["restored"] += 1
            self.office.server.restore(self.backup)
            self.office.desk = self._brought_home(self.office.desk)  # the others hear of it when they next speak

    def _page(self, device: int, **asked: Any) -> Page | None:
        try:
            return self.office.server.page(self.devices[device], **asked)
        except CursorAhead as ahead:
            met["cursor ahead"] += 1
            self.devices[device] = restart(self.devices[device], epoch=ahead.epoch)
            return None

    def _mend(self, device: int) -> None:
        self.devices[device] = self._mended(self.devices[device])

    def _mended(self, device: Device) -> Device:
        """Known again where the server has forgotten its replicas; under a new one where another has that name."""
        for replica in {device.author.replica, *(each.event.replica for each in device.outbox.values())}:
            if self.office.server.log.replica(TENANT, replica) is None:
                met["registered again"] += 1
                self.office.server.register(replica)
        if device.forked_at is None:
            return device
        met["forked"] += 1
        person = self.office.server.owners.get(device.author.replica)
        return fork(device, replica=self.office.server.mint(person))

    def _brought_home(self, device: Device) -> Device:
        device = ask_again(device)
        for _ in range(100):
            try:
                page = self.office.server.page(device, limit=50)
            except CursorAhead as ahead:
                device = restart(device, epoch=ahead.epoch)
                continue
            device = apply_page(device, page, now_ms=NOON)
            if device.resume or device.cursor < self.office.server.head:
                continue
            device = self._mended(device)
            body = next_batch(device)
            if not body:
                return device
            device = settle(device, self.office.server.push(body))
        raise AssertionError("coming home does not end")

    @invariant()
    def no_work_is_lost(self) -> None:
        """Whatever was told is on the device that told it, or was accepted."""
        accepted = {row.id for row in self.office.server.accepted()}
        here = {name for each in self.devices for name in (*each.outbox, *each.quarantined, *each.kept)}
        assert self.authored <= accepted | here

    def teardown(self) -> None:
        for _ in range(2):
            self.office.desk = self._brought_home(self.office.desk)
            self.devices = [self._brought_home(each) for each in self.devices]
        for device in [self.office.desk, *map(self._caught_up, self.devices)]:
            assert dict(device.outbox) == {}, "nobody waits for good"
            is_right(self.office, self._caught_up(device))
        accepted = {row.id for row in self.office.server.accepted()}
        here = {name for each in self.devices for name in each.quarantined}
        assert self.authored <= accepted | here

    def _caught_up(self, device: Device) -> Device:
        return pulled(self.office, device)


def test_c4_c5_c6_every_device_of_a_town_at_rest_shows_what_it_may_see() -> None:
    """100 lives of 40 steps, and what they must have met to be worth it."""
    met.clear()
    run_state_machine_as_test(Town, settings=settings(max_examples=100, stateful_step_count=40, deadline=None))
    expected = {"EnterFrame", "SnapshotFrame", "LeaveFrame", "EventFrame", "resumed", "restored", "registered again"}
    assert {name for name in expected if not met[name]} == set(), "never met: the machine has grown narrow"
