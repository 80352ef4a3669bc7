"""Rows become the history that they tell, and every row that cannot be is named."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from commands.legacy.authoring import hand_in
from commands.legacy.history import Draft, History, tell
from commands.legacy.identity import entity_id, event_id, replica_id
from commands.legacy.reading import Reading, Undecodable, Value
from commands.legacy.row import Aside
from sync.hybrid_clock import ms_of
from sync.log import Known
from sync.rows import ReplicaRow, Settled

READING = Reading(
    zone=ZoneInfo("America/New_York"), zone_name="America/New_York", now_ms=1_700_000_000_000, currency="USD"
)
Tables = dict[str, list[dict[str, Value]]]
CLIENT: dict[str, Value] = {"id": 1, "name": "  Ada Díaz ", "email": "c1@example.org", "phone": "(212) 555-0142"}
PLACE: dict[str, Value] = {"id": 1, "client_id": 1, "label": "Street/Sidewalk", "address": "91-33 97 STREET"}
STAFF: dict[str, Value] = {"id": 1, "name": "Kaya Łukasz", "role": "TECH", "active": 1, "pw_md5": "d41d8cd98f00b204"}
JOB: dict[str, Value] = {
    "id": 7,
    "client_id": 1,
    "location_id": 1,
    "kind": "Street Light Condition",
    "status": "Open",
    "opened": "06/26/2018 10:58:54 AM",
}
OPENED, CLOSED = "2018-06-26T14:58:54.000Z", "2018-06-26T16:50:01.000Z"


def history(**tables: list[dict[str, Value]]) -> History:
    known: Tables = {"clients": [CLIENT], "locations": [PLACE], "staff": [STAFF], **tables}

    def rows(table: str) -> list[tuple[int, Mapping[str, Value]]]:
        return list(enumerate(known.get(table, []), start=1))

    return tell(rows, source="legacy", reading=READING)


def of(told: History, table: str, key: Any = 7) -> list[Draft]:
    return [draft for draft in told.drafts if (draft.table, draft.key) == (table, key)]


def data(told: History, table: str, key: Any = 7) -> dict[str, Any]:
    return of(told, table, key)[0].data


def only_aside(told: History) -> Aside:
    (aside,) = told.asides
    return aside


def test_a_closed_job_was_opened_visited_and_closed_each_at_its_time() -> None:
    told = history(
        jobs=[{**JOB, "status": "DONE", "closed": "2018-06-26 12:50:01", "resolution": "Lamp replaced ✔"}],
        visits=[
            {
                "id": 3,
                "job_id": 7,
                "staff_id": 1,
                "planned": "06/26/2018 10:58:54 AM",
                "arrived": "2018-06-26 12:50:01",
                "left": "2018-06-26 12:50:01",
                "outcome": "ok",
            }
        ],
    )
    job = entity_id("legacy", "jobs", 7, "work_order")
    story = [(draft.type, ms_of(draft.at)) for draft in told.drafts if draft.table in ("jobs", "visits")]
    opened, closed = 1_530_025_134_000, 1_530_031_801_000
    assert story == [
        ("Created", opened),
        ("WorkOrderOpened", opened),
        ("VisitPlanned", opened),
        ("VisitArrived", closed),
        ("VisitFinished", closed),
        ("WorkOrderCompleted", closed),
        ("WorkOrderApproved", closed),
        ("WorkOrderClosed", closed),
    ]
    assert [draft.data for draft in of(told, "jobs")][1:] == [
        {"opened_at": OPENED},
        {"completed_at": CLOSED, "resolution": "Lamp replaced ✔"},
        {},
        {"closed_at": CLOSED},
    ]
    assert [draft.reason for draft in of(told, "jobs")][3:] == [
        "Imported: the old application closed a job in one step."
    ] * 2
    assert [draft.data for draft in of(told, "visits", 3)] == [
        {
            "work_order_id": job,
            "assignee_id": entity_id("legacy", "staff", 1, "person"),
            "planned_start": OPENED,
            "custom": [["legacy.id", "3"]],
        },
        {"arrived_at": CLOSED},
        {"finished_at": CLOSED, "outcome": "resolved"},
    ]
    assert told.asides == ()


@pytest.mark.parametrize(
    ("status", "moves"),
    [
        ("Open", []),
        ("Assigned", ["WorkOrderScheduled"]),
        ("in progress", ["WorkOrderStarted"]),
        ("Started", ["WorkOrderStarted"]),
        ("on hold", ["WorkOrderPutOnHold"]),
        ("closed", ["WorkOrderCompleted", "WorkOrderApproved", "WorkOrderClosed"]),
        ("Closed", ["WorkOrderCompleted", "WorkOrderApproved", "WorkOrderClosed"]),
        ("CANCELLED", ["WorkOrderCancelled"]),
        (None, []),
    ],
)
def test_a_status_in_any_case_is_the_moves_that_lead_there(status: str | None, moves: list[str]) -> None:
    told = history(jobs=[{**JOB, "status": status}])
    assert [draft.type for draft in of(told, "jobs")] == ["Created", "WorkOrderOpened", *moves]
    assert told.asides == ()


def test_what_is_not_known_of_a_visit_is_not_invented() -> None:
    visit: dict[str, Value] = {"id": 3, "job_id": 7, "staff_id": None, "planned": None}
    told = history(jobs=[JOB], visits=[visit])
    (planned,) = of(told, "visits", 3)
    assert (planned.type, set(planned.data)) == ("VisitPlanned", {"work_order_id", "custom"})


def test_a_visit_that_was_left_without_an_outcome_is_not_done() -> None:
    told = history(
        jobs=[JOB],
        visits=[{"id": 3, "job_id": 7, "arrived": "2018-06-26 12:50:01", "left": "2018-06-26 12:55:00"}],
    )
    assert [draft.type for draft in of(told, "visits", 3)] == ["VisitPlanned", "VisitArrived"]
    assert only_aside(told)[:4] == ("visits", 3, "left", "a visit that is done has an outcome, and none is told")
    assert ["legacy.left", "2018-06-26 12:55:00"] in data(told, "visits", 3)["custom"]


def test_a_person_that_only_the_job_names_is_sent_there() -> None:
    told = history(jobs=[{**JOB, "assigned_to": 1}])
    assert data(told, "jobs").get("custom") == [["legacy.id", "7"]]
    assert [draft.type for draft in of(told, "jobs")] == ["Created", "WorkOrderOpened", "VisitPlanned"]


def test_a_person_whom_a_visit_names_is_sent_there_once() -> None:
    told = history(jobs=[{**JOB, "assigned_to": 1}], visits=[{"id": 3, "job_id": "7", "staff_id": 1}])
    assert [draft.type for draft in told.drafts].count("VisitPlanned") == 1


# The dirt that years leave behind: each row is reported by name, none stops the import, none vanishes.


def test_an_orphan_job_is_set_aside_with_all_that_belongs_to_it() -> None:
    told = history(
        jobs=[{**JOB, "id": 1, "client_id": 999999, "location_id": 999999}],
        visits=[{"id": 3, "job_id": 1}],
        notes=[{"id": 4, "job_id": 1, "body": "see photo"}],
        photos=[{"id": 5, "job_id": 1, "data": b"\xff\xd8"}],
        parts=[{"sku": "LMP-70", "name": "LED lamp 70 W"}],
        part_use=[{"job_id": 1, "sku": "LMP-70", "qty": 1}],
    )
    reasons = {(aside.table, aside.key): aside.reason for aside in told.asides}
    assert reasons == {
        ("jobs", 1): "client_id: client 999999 is not in clients; location_id: location 999999 is not in locations",
        ("visits", 3): "job_id: job 1 was set aside",
        ("notes", 4): "job_id: job 1 was set aside",
        ("photos", 5): "job_id: job 1 was set aside",
        ("part_use", "1/LMP-70/None"): "job_id: job 1 was set aside",
    }
    assert {aside.what for aside in told.asides} == {"row"}
    assert {draft.table for draft in told.drafts} == {"staff", "parts", "clients", "locations"}


def test_a_job_opened_on_the_31st_of_february_is_still_a_job() -> None:
    told = history(
        jobs=[{**JOB, "opened": "02/31/2018 10:00:00 AM"}], clients=[{**CLIENT, "created": "2018-06-01 00:00:00"}]
    )
    assert only_aside(told)[:5] == ("jobs", 7, "opened", "is not a time", "'02/31/2018 10:00:00 AM'")
    assert data(told, "jobs")["custom"] == [["legacy.id", "7"], ["legacy.opened", "02/31/2018 10:00:00 AM"]]
    assert [(draft.type, draft.data) for draft in of(told, "jobs")][1] == ("WorkOrderOpened", {})
    assert {ms_of(draft.at) for draft in of(told, "jobs")} == {1_527_825_600_000}, "the time of its client"


def test_nobody_knows_what_status_7_meant_so_the_job_is_open_and_says_so() -> None:
    told = history(jobs=[{**JOB, "status": "7"}])
    assert only_aside(told)[:3] == ("jobs", 7, "status")
    assert [draft.type for draft in of(told, "jobs")] == ["Created", "WorkOrderOpened"]


def test_a_job_closed_before_it_was_opened_is_closed_nobody_knows_when() -> None:
    told = history(jobs=[{**JOB, "status": "Closed", "closed": "2018-06-01 10:00:00"}])
    aside = only_aside(told)
    assert (aside.key, aside.column, aside.value) == (7, "closed", "'2018-06-01 10:00:00'")
    assert [(draft.type, draft.data) for draft in of(told, "jobs")][2:] == [
        ("WorkOrderCompleted", {}),
        ("WorkOrderApproved", {}),
        ("WorkOrderClosed", {}),
    ]


def test_a_closing_date_on_a_job_that_is_on_hold_is_set_aside() -> None:
    told = history(jobs=[{**JOB, "status": "on hold", "closed": "2018-07-01 10:00:00"}])
    assert only_aside(told)[2:4] == ("closed", "the job is not closed: its status is 'on hold'")
    assert ["legacy.closed", "2018-07-01 10:00:00"] in data(told, "jobs")["custom"]


def test_a_text_with_a_nul_keeps_its_place_in_sight() -> None:
    told = history(jobs=[{**JOB, "descr": "text with a\x00NUL byte"}])
    assert data(told, "jobs")["description"] == "text with a␀NUL byte"
    assert only_aside(told)[2] == "descr"


def test_a_note_on_a_deleted_job_is_set_aside() -> None:
    told = history(notes=[{"id": 900001, "job_id": 1234567, "staff_id": 1, "body": "note on a job", "at": 1527800000}])
    assert only_aside(told)[:4] == ("notes", 900001, "job_id", "job_id: job 1234567 is not in jobs")


def test_a_note_that_is_not_utf8_is_set_aside_whole() -> None:
    told = history(jobs=[JOB], notes=[{"id": 900002, "job_id": 7, "body": Undecodable(b"\xc3(\xff"), "at": 1527800000}])
    aside = only_aside(told)
    assert aside[:4] == ("notes", 900002, "body", "body: is not UTF-8")
    assert aside.value == r"b'\xc3(\xff'"
    assert told.originals == (
        ("notes", 900002, {"id": 900002, "job_id": 7, "body": Undecodable(b"\xc3(\xff"), "at": 1527800000}),
    )


def test_the_use_of_a_part_that_is_on_no_list_is_set_aside() -> None:
    told = history(jobs=[JOB], part_use=[{"job_id": 7, "sku": "NO-SUCH-SKU", "qty": 1, "at": 1527800000}])
    assert only_aside(told)[:4] == (
        "part_use",
        "7/NO-SUCH-SKU/1527800000",
        "sku",
        "sku: part NO-SUCH-SKU is not in parts",
    )


def test_a_client_of_whom_nothing_is_known_is_set_aside() -> None:
    told = history(clients=[CLIENT, {"id": 668, "name": "", "email": "not an address", "phone": "call me"}])
    assert only_aside(told)[:3] == ("clients", 668, "name")


def test_a_client_without_a_name_goes_by_what_is_known() -> None:
    told = history(clients=[CLIENT, {"id": 2, "name": " ", "email": "c2@example.org", "phone": "call me"}])
    assert data(told, "clients", 2)["name"] == "c2@example.org"
    assert data(told, "clients", 2)["custom"] == [["legacy.id", "2"], ["legacy.phone", "call me"]]


@pytest.mark.parametrize(
    ("lat", "lng", "columns"),
    [(412.5, -73.9, {"lat", "lng"}), (None, 0.0, {"lng"}), (40.0, None, {"lat"}), (0.0, 0.0, {"lat", "lng"})],
)
def test_a_place_that_is_nowhere_keeps_its_address(lat: float | None, lng: float | None, columns: set[str]) -> None:
    told = history(locations=[{"id": 1, "client_id": 1, "address": "Nowhere 1", "lat": lat, "lng": lng}])
    assert {aside.column for aside in told.asides} == columns
    site = data(told, "locations", 1)
    assert "position" not in site
    assert site["address"] == {"street": "Nowhere 1"}


def test_a_place_on_earth_is_kept_to_the_centimetre() -> None:
    told = history(locations=[{**PLACE, "lat": 40.690092327843345, "lng": -73.84642755940943}])
    assert data(told, "locations", 1)["position"] == {"lat": 406900923, "lon": -738464276, "source": "import"}


def test_a_person_is_known_to_everybody_by_name_and_a_password_to_nobody() -> None:
    told = history(staff=[STAFF, {**STAFF, "id": 2, "active": 0, "role": "boss"}])
    assert data(told, "staff", 1) == {
        "name": "Kaya Łukasz",
        "role": "technician",
        "active": True,
        "custom": [["legacy.id", "1"]],
    }
    assert data(told, "staff", 2)["active"] is False
    assert only_aside(told)[:3] == ("staff", 2, "role")
    assert not any("d41d8cd98f00b204" in str(draft) for draft in told.drafts)


def test_a_customer_has_somebody_to_call() -> None:
    told = history()
    customer, contact = of(told, "clients", 1)
    assert customer.data["contacts"] == {"add": [contact.entity]}
    assert contact.data == {
        "customer_id": customer.entity,
        "name": "Ada Díaz",
        "phone": "+12125550142",
        "email": "c1@example.org",
    }


def test_a_comma_and_the_currency_of_the_settings_make_a_price() -> None:
    told = history(parts=[{"sku": "VLV-20", "name": "Ball valve 20 mm", "cost": "14,90"}])
    part = {"sku": "VLV-20", "name": "Ball valve 20 mm", "unit_cost": "14.9", "currency": "USD"}
    assert data(told, "parts", "VLV-20") == part


def test_a_lamp_keeps_its_number_and_the_year_that_is_no_day() -> None:
    told = history(equipment=[{"id": 1052, "location_id": 1, "serial": 70052, "installed": "2009", "state": "BROKEN"}])
    assert data(told, "equipment", 1052) == {
        "site_id": entity_id("legacy", "locations", 1, "site"),
        "serial": "70052",
        "condition": "fault",
        "custom": [["installed_year", "2009"], ["legacy.id", "1052"]],
    }
    assert told.asides == ()


def test_parts_that_went_back_are_counted_below_zero_and_rows_without_a_key_are_told_apart() -> None:
    use: dict[str, Value] = {"job_id": 7, "sku": "LMP-70", "qty": -1, "at": 1530010734}
    told = history(jobs=[JOB], parts=[{"sku": "LMP-70", "name": "LED lamp"}], part_use=[use, {**use, "qty": "0,5"}])
    assert data(told, "part_use", "7/LMP-70/1530010734")["quantity"] == "-1"
    assert data(told, "part_use", "7/LMP-70/1530010734#2")["quantity"] == "0.5"


def test_a_photo_is_named_by_its_bytes() -> None:
    told = history(
        jobs=[JOB],
        photos=[{"id": 1, "job_id": 7, "name": "IMG_0001.jpg", "mime": "image/jpeg", "data": b"\xff\xd8\xff"}],
    )
    photo = data(told, "photos", 1)
    assert (photo["size"], photo["mime"], photo["name"]) == (3, "image/jpeg", "IMG_0001.jpg")
    assert photo["target"] == {"type": "work_order", "id": entity_id("legacy", "jobs", 7, "work_order")}
    assert ms_of(of(told, "photos", 1)[0].at) == 1_530_025_134_000, "the time of its job"


@pytest.mark.parametrize("content", [None, b"", "IMG"])
def test_a_photo_without_bytes_is_set_aside(content: Value) -> None:
    told = history(jobs=[JOB], photos=[{"id": 1, "job_id": 7, "name": "IMG_0001.jpg", "data": content}])
    assert only_aside(told)[:3] == ("photos", 1, "data")
    assert told.set_aside == {"photos": 1}


def test_every_row_is_imported_or_set_aside() -> None:
    told = history(jobs=[JOB, {"id": 8}, {"id": 9, "client_id": 1, "location_id": 1}], notes=[{"id": 1, "job_id": 8}])
    assert (told.imported["jobs"], told.set_aside["jobs"]) == (1, 2)
    assert (told.imported["notes"], told.set_aside["notes"]) == (0, 1)


def test_what_nobody_could_foresee_sets_its_row_aside_and_no_other() -> None:
    tags = ",".join(f"t{number}" for number in range(201))  # more than one event may add
    told = history(jobs=[{**JOB, "tags": tags}, {**JOB, "id": 8}])
    assert (told.imported["jobs"], told.set_aside["jobs"]) == (1, 1)
    assert only_aside(told).reason.startswith("bad_data: /tags/add")


def test_what_has_no_time_at_all_is_as_old_as_the_oldest() -> None:
    told = history(jobs=[JOB])
    assert {ms_of(draft.at) for draft in told.drafts} == {1_530_025_134_000}
    assert [draft.at for draft in told.drafts] == sorted(draft.at for draft in told.drafts)
    assert len({draft.at for draft in told.drafts}) == len(told.drafts)


def test_ids_do_not_depend_on_what_somebody_may_correct() -> None:
    one, other = history(jobs=[JOB]), history(jobs=[{**JOB, "opened": "2019-01-01 00:00:00", "kind": "Other"}])
    assert [draft.id for draft in of(one, "jobs")] == [draft.id for draft in of(other, "jobs")]
    assert of(one, "jobs")[0].entity == of(other, "jobs")[0].entity


def test_ids_are_version_7_and_never_shared() -> None:
    keys: list[int | str] = [1, "1", 2, -1, 2**48, "a"]
    ids = [entity_id(source, table, key, "site") for source in ("a", "b") for table in ("x", "xy") for key in keys]
    ids += [event_id("a", "x", key, "site", "Created") for key in keys]
    assert len(set(ids)) == len(ids)
    assert {(each[14], each[19] in "89ab") for each in ids} == {("7", True)}


def test_an_import_goes_on_where_the_log_ends_and_adds_nothing_twice() -> None:
    drafts, replica = history(jobs=[JOB]).drafts, replica_id("legacy")
    empty = Known(position=0, epoch="e", replicas={replica: ReplicaRow(replica, "p", 0, None)})
    whole, handed_in = hand_in(drafts, empty, replica=replica, actor="p", now_ms=READING.now_ms)
    assert handed_in.added == len(drafts) == len(whole.events)
    half, _ = hand_in(drafts[:3], empty, replica=replica, actor="p", now_ms=READING.now_ms)
    known = Known(
        position=3,
        epoch="e",
        replicas={row.replica: row for row in half.replicas},
        by_id={row.id: Settled("accepted", row.id, replica, row.seq, "", row.position) for row in half.events},
        entities={row.entity: row for row in half.entities},
    )
    rest, handed_in = hand_in(drafts, known, replica=replica, actor="p", now_ms=READING.now_ms)
    assert (handed_in.added, handed_in.there) == (len(drafts) - 3, dict(enumerate(drafts[:3], start=1)))
    assert [*half.events, *rest.events] == list(whole.events)
