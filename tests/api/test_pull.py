"""Pulling over HTTP: what each role is sent, how it is packed, and what is refused."""

from typing import Any, Final

import pytest

from api.packing import accepts_gzip
from sync import state_codec
from sync.author import Author
from sync.device import Device as Phone
from sync.device import out_of_step
from sync.frames import EnterFrame, SnapshotFrame, read_page
from sync.limits import PAGE_BYTES_MAX
from sync.log import Changes, Wanted
from sync.rows import EntityRow, GrantRow
from sync.taking_in import apply_page
from tests.api.office import NDJSON, NOW, Office, customers, problem
from tests.devices import CREATED, Device, fold, new_id

PULL: Final = "/v1/sync/pull"


def job(office: Office, desk: Device, technician: bool = True) -> tuple[str, str]:
    """A job with a visit, which names the technician if so."""
    work_order, visit = new_id(), new_id()
    named = {"assignee_id": office.people["technician"].person} if technician else {}
    office.verdicts(
        desk.create("work_order", work_order), desk.create("visit", visit, {"work_order_id": work_order, **named})
    )
    return work_order, visit


def pulled(office: Office, phone: Phone, role: Any = "technician", **asked: Any) -> Phone:
    while True:
        page = read_page(office.get(PULL, role=role, cursor=phone.cursor, resume=phone.resume, **asked).content)
        phone = apply_page(phone, page, now_ms=NOW)
        if phone.cursor == page.head and not phone.resume:
            return phone


def test_a_technician_is_sent_what_visits_let_them_in_to(office: Office) -> None:
    desk = office.device("desk")
    mine, visit = job(office, desk)
    job(office, desk, technician=False)
    phone = pulled(office, Phone(author=Author(replica="raaaaaaaaaaaa")))
    assert {mine, visit} == set(phone.accepted)
    office.verdicts(desk.tell("visit", visit, "VisitReassigned", {"assignee_id": None}))
    assert not pulled(office, phone).accepted


@pytest.mark.parametrize("role", ["dispatcher", "supervisor", "auditor", "admin", "integration"])
def test_all_others_are_sent_everything(office: Office, role: Any) -> None:
    desk = office.device("desk")
    known = {*job(office, desk), *job(office, desk, technician=False)}
    page = read_page(office.get(PULL, role=role).content)
    assert page.frames[0] == EnterFrame("*", 1)
    assert {frame.entity for frame in page.frames if isinstance(frame, SnapshotFrame)} == known
    assert page.view == office.post("/v1/sync/hello", {}, role=role).json()["view"] == "*"
    assert len(read_page(office.get(PULL, role=role, history=True).content).events) == 4


def test_a_technician_is_told_whose_view_it_is_and_sees_no_history(office: Office) -> None:
    person = office.people["technician"].person
    assert read_page(office.get(PULL, role="technician").content).view == person
    assert office.post("/v1/sync/hello", {}, role="technician").json()["view"] == person
    problem(office.get(PULL, role="technician", history=True), 403, "forbidden")


def test_the_jobs_of_today_come_first(office: Office) -> None:
    desk, person = office.device("desk"), office.people["technician"].person
    starts = ["2026-03-01T08:00:00.000Z", "2026-01-01T15:00:00.000Z", "2026-01-01T09:00:00.000Z", None]
    jobs = [new_id() for _ in starts]
    for work_order, start in zip(jobs, starts, strict=True):
        visit = {"work_order_id": work_order, "assignee_id": person, **({"planned_start": start} if start else {})}
        office.verdicts(desk.create("work_order", work_order), desk.create("visit", new_id(), visit))
    page = read_page(office.get(PULL, role="technician").content)
    scopes = [frame.scope for frame in page.frames if isinstance(frame, EnterFrame)]
    assert [each for each in scopes if each.startswith("work_order:")] == [
        f"work_order:{jobs[number]}" for number in (2, 1, 0, 3)
    ]


def test_a_replica_that_asks_must_be_ones_own(office: Office) -> None:
    mine = office.device("ada")
    assert office.get(PULL, replica=mine.replica).status_code == 200
    problem(office.get(PULL, role="technician", replica=mine.replica), 403, "replica-not-yours")
    problem(office.get(PULL, role="auditor", replica=mine.replica), 403, "forbidden")
    problem(office.get(PULL, replica="rzzzzzzzzzzzz"), 403, "replica-not-yours")


@pytest.mark.parametrize(
    "asked",
    [
        {"resume": "nonsense"},
        {"resume": "00000000."},
        {"resume": "00000000.W10"},
        {"resume": "\u00e4"},
        {"resume": "."},
    ],
)
def test_a_word_to_resume_that_nobody_told_is_refused(office: Office, asked: dict[str, Any]) -> None:
    office.verdicts(*customers(office.device("ada"), 2))
    problem(office.get(PULL, **asked), 409, "resume-unknown")


@pytest.mark.parametrize(
    "asked",
    [
        {"resume": "x" * 4_001},
        {"refetch": "x" * 101},
        {"refetch": "a\x00b"},
        {"digests": "perhaps"},
        {"history": "2"},
        {"replica": "ada"},
        {"limit": 0},
        {"limit": 1_001},
        {"cursor": -1},
    ],
)
def test_what_cannot_be_asked_is_refused(office: Office, asked: dict[str, Any]) -> None:
    problem(office.get(PULL, **asked), 422, "invalid-request")


def test_a_word_to_resume_belongs_to_its_cursor(office: Office) -> None:
    office.verdicts(*customers(office.device("ada"), 3))
    resume = read_page(office.get(PULL, limit=1).content).resume
    assert resume
    assert read_page(office.get(PULL, limit=1, resume=resume).content).resumed == resume.partition(".")[0]
    problem(office.get(PULL, cursor=1, resume=resume), 409, "resume-unknown")


def test_a_large_page_is_packed_for_whoever_accepts_that(office: Office) -> None:
    office.verdicts(*customers(office.device("ada"), 50))
    plain = office.client.get(PULL, headers={**office.bearer("auditor"), "Accept-Encoding": "identity"})
    packed = office.client.get(PULL, headers={**office.bearer("auditor"), "Accept-Encoding": "gzip, br;q=0"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert packed.headers["content-type"] == NDJSON
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content) / 3
    small = office.client.get(f"{PULL}?cursor=50", headers={**office.bearer("auditor"), "Accept-Encoding": "gzip"})
    assert "content-encoding" not in small.headers


@pytest.mark.parametrize(
    ("header", "is_accepted"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("br, gzip;q=0.5", True),
        ("*", True),
        ("gzip ; q=1.000", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, br", False),
        ("xgzip", False),
        ("gzipx", False),
        ("deflate, br", False),
    ],
)
def test_who_accepts_gzip(header: str, is_accepted: bool) -> None:
    assert accepts_gzip(header) is is_accepted


def grant(office: Office, scopes: int, entities: int, state_bytes: int) -> list[EntityRow]:
    """Let the technician in to so many scopes, with so many entities in all."""
    person, desk = office.people["technician"].person, Device("other")
    text = "x" * 7_900
    told = {"name": "Mill", "note": text[: max(0, min(7_900, state_bytes - 200))]}
    state = state_codec.encode(fold([desk.create("customer", new_id(), {**CREATED["customer"], **told})]))
    office.verdicts(*customers(office.device("ada"), 1))
    rows = [EntityRow(new_id(), "customer", 1, f"customer:{number % scopes}", state) for number in range(entities)]
    granted = [GrantRow(person, f"customer:{number}", new_id(), 1) for number in range(scopes)]
    office.log.append(
        office.tenant, Wanted(), lambda _: (Changes(entities=rows, granted=granted), None), now_ms=office.clock.ms
    )
    return rows


@pytest.mark.parametrize(("scopes", "entities", "state_bytes"), [(1, 5_000, 300), (200, 1_000, 4_000), (700, 700, 300)])
def test_pages_keep_to_a_mebibyte_however_much_somebody_is_granted(
    office: Office, scopes: int, entities: int, state_bytes: int
) -> None:
    rows = grant(office, scopes, entities, state_bytes)
    phone, pages = Phone(author=Author(replica="raaaaaaaaaaaa")), 0
    while not pages or phone.resume:
        body = office.get(PULL, role="technician", cursor=0, resume=phone.resume).content
        assert len(body) <= PAGE_BYTES_MAX
        phone = apply_page(phone, read_page(body), now_ms=NOW)
        pages += 1
    assert pages > 1
    assert set(phone.accepted) == {row.entity for row in rows}
    told = read_page(office.get(PULL, role="technician", cursor=1, digests=True).content).digests
    assert out_of_step(phone, told or {}) == []
