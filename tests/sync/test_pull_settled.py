"""What became of a device's own work: verdicts that come later, and what is kept for a server that may forget."""

from dataclasses import replace

import pytest

from sync.device import Device, begin_again, restart
from sync.device import shown as state_of
from sync.fork import fork
from sync.frames import Page, VerdictFrame, read_page
from sync.handing_in import heed, next_batch, settle
from sync.limits import DAY_MS
from sync.pull import CursorAhead
from sync.rows import LaterRow
from sync.taking_in import apply_page
from tests.devices import NOON, new_id
from tests.sync.fleet import TENANT, settled
from tests.sync.giving_out import ADA, Office, is_right, kinds, pulled, tell


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


def test_verdicts_and_events_share_the_room_of_a_page(office: Office) -> None:
    job, bytes_max = office.job(), 20_000
    office.visit(job, ADA)
    ada = pulled(office, office.server.device(ADA))
    for number in range(60):
        office.say("work_order", job, data={"title": f"{number} pumps"})
    positions = [number for number in range(ada.cursor + 1, office.server.head + 1) for _ in (1, 2)]
    told = [
        LaterRow(ada.author.replica, seq, new_id(), position, {"id": f"{seq}", "detail": "x" * 150})
        for seq, position in enumerate(positions, 1)
    ]
    office.server.log._tenants[TENANT].later.extend(told)
    heard, pages = list[str](), 0
    while ada.cursor < office.server.head:
        body = office.server.sent(ada, bytes_max=bytes_max)
        assert len(body) <= bytes_max
        page, pages = read_page(body), pages + 1
        heard += [frame.verdict["id"] for frame in page.frames if isinstance(frame, VerdictFrame)]
        ada = replace(ada, cursor=page.cursor)
    assert list(dict.fromkeys(heard)) == [f"{seq}" for seq in range(1, len(told) + 1)]
    assert pages > 3


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


def positions(desk: Device) -> list[int]:
    """Where what the desk keeps came to lie."""
    return sorted(each.position for each in desk.kept.values())


def with_news(office: Office, *, server_ms: int) -> Page:
    """The desk's next page, with an event in it that the server took in at that time by its own clock."""
    office.server.now_ms = server_ms
    another = pulled(office, office.server.device())
    another = tell(another, "customer", new_id(), "Created")
    settle(another, office.server.push(next_batch(another)))
    return office.server.page(office.desk)


def test_accepted_work_is_kept_until_a_backup_holds_it(office: Office) -> None:
    office.job()
    office.server.log._tenants[TENANT].durable = 2
    assert positions(office.desk) == [1, 2, 3]
    assert positions(apply_page(office.desk, office.server.page(office.desk), now_ms=NOON)) == [3]


@pytest.mark.parametrize(
    ("own_days", "servers_days", "is_kept"),
    [
        (15, 15, False),
        (13, 15, True),
        (15, 13, True),
        (15, 0, True),
        (0, 15, True),
        (10_950, 0, True),
        (0, 10_950, True),
    ],
)
def test_accepted_work_is_old_where_its_own_clock_and_the_servers_say_so(
    office: Office, own_days: int, servers_days: int, *, is_kept: bool
) -> None:
    office.job()
    desk = office.desk = apply_page(office.desk, with_news(office, server_ms=NOON), now_ms=NOON)
    page = with_news(office, server_ms=NOON + servers_days * DAY_MS)
    after = apply_page(desk, page, now_ms=NOON + own_days * DAY_MS)
    assert positions(after) == (positions(desk) if is_kept else [])
    again = restart(after, epoch="another")
    assert len(again.outbox) == (3 if is_kept else 0), "so it is offered to a server that has forgotten it"


def test_the_age_of_accepted_work_counts_from_when_a_page_first_told_the_servers_time(office: Office) -> None:
    """Whatever its own clock said when it was written: it may have stood in 1970."""
    office.job()
    desk = office.desk = replace(
        office.desk, kept={name: each._replace(since_ms=0) for name, each in office.desk.kept.items()}
    )
    quiet = apply_page(desk, office.server.page(desk), now_ms=NOON + 400 * DAY_MS)
    assert positions(quiet) == [1, 2, 3], "a page without events says nothing of the time"
    assert {each.since_ms for each in quiet.kept.values()} == {0}
    told = apply_page(desk, with_news(office, server_ms=NOON + 400 * DAY_MS), now_ms=NOON + 400 * DAY_MS)
    assert positions(told) == [1, 2, 3]
    assert all(each.since_ms >= NOON + 400 * DAY_MS for each in told.kept.values())


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
