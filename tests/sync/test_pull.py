"""What a device is sent: what it may see and nothing else, as scopes open, close and open again."""

from sync.device import shown as state_of
from sync.frames import EnterFrame, EventFrame, LeaveFrame, SnapshotFrame
from sync.handing_in import next_batch, settle
from sync.taking_in import apply_page
from tests.devices import NOON, new_id
from tests.sync.fleet import settled
from tests.sync.giving_out import ADA, BEN, Office, is_right, kinds, pulled, tell


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


def test_everything_enters_as_one_for_whoever_sees_everything(office: Office) -> None:
    office.visit(office.job(), ADA)
    desk = office.server.device()
    page = office.server.page(desk)
    assert [frame.scope for frame in page.frames if isinstance(frame, EnterFrame)] == ["*"]
    for limit in (1, 3, 1_000):
        is_right(office, pulled(office, office.server.device(), limit=limit))


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
