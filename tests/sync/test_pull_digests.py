"""What a device shows is compared with what it should, and what differs is fetched again, and nothing else."""

from dataclasses import replace

from sync.device import out_of_step
from sync.frames import LeaveFrame
from sync.taking_in import apply_page
from tests.devices import NOON, new_id
from tests.sync.giving_out import ADA, Office, is_right, pulled, tell


def test_a_refetch_that_is_given_up_takes_nothing_away(office: Office) -> None:
    job = office.job()
    office.visit(job, ADA)
    ada = pulled(office, office.server.device(ADA))
    before = ada.accepted
    ada = apply_page(ada, office.server.page(ada, refetch=f"work_order:{job}", limit=1), now_ms=NOON)
    assert ada.resume
    assert ada.accepted == before, "what is fetched again stays shown meanwhile"
    is_right(office, pulled(office, replace(ada, resume="")))


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
