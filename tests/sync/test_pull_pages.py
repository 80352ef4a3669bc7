"""The pages of a pull: of any size, cut off anywhere, doubled, late, and always a way to go on."""

from dataclasses import replace

import pytest

from sync import state_codec
from sync.device import edit
from sync.frames import EnterFrame, EventFrame, LeaveFrame, SnapshotFrame
from sync.pull import CursorAhead
from sync.resume import ResumeUnknown
from sync.taking_in import apply_page
from tests.devices import CREATED, NOON, new_id
from tests.sync.fleet import TENANT, settled
from tests.sync.giving_out import ADA, BEN, Office, is_right, kinds, pulled


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
