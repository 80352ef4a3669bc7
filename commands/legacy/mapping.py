"""The mapping, as one table: which column of the old database becomes which field, in which event, by which conversion.

`commands.legacy.history` carries it out, `docs/reference/legacy-mapping.md` is written from it.
Where two columns name the same field, the first that says something is taken.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from commands.legacy.conversions import (
    about,
    amount,
    email,
    kind_of_work,
    language,
    latitude,
    line,
    longitude,
    media_type,
    no_sms,
    number_as_text,
    one_of,
    phone,
    postcode,
    refers_to,
    sha256,
    size,
    text,
    word,
    words,
    yes_or_no,
)
from commands.legacy.reading import Conversion
from commands.legacy.times import appointment, day, moment, year

ROLES: Final[Mapping[str, str]] = {
    "tech": "technician",
    "technician": "technician",
    "dispatch": "dispatcher",
    "dispatcher": "dispatcher",
    "supervisor": "supervisor",
    "analyst": "analyst",
    "auditor": "auditor",
    "admin": "admin",
}
STATUSES: Final[Mapping[str, str]] = {
    "open": "open",
    "new": "open",
    "assigned": "scheduled",
    "scheduled": "scheduled",
    "started": "in_progress",
    "in progress": "in_progress",
    "on hold": "on_hold",
    "pending": "on_hold",
    "closed": "closed",
    "done": "closed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}
PRIORITIES: Final[Mapping[str, str]] = {
    "1": "high",
    "2": "normal",
    "3": "low",
    "low": "low",
    "normal": "normal",
    "high": "high",
    "critical": "critical",
}
CONDITIONS: Final[Mapping[str, str]] = {"ok": "good", "watch": "watch", "broken": "fault", "out": "out"}
OUTCOMES: Final[Mapping[str, str]] = {
    "ok": "resolved",
    "resolved": "resolved",
    "follow up": "follow_up",
    "failed": "cannot_complete",
    "no access": "no_access",
}

role = one_of(ROLES, otherwise="technician", doubt="is not a role we know; taken as technician, the narrowest")
status = one_of(STATUSES, otherwise="open", doubt="is not a status we know; the job is open until somebody decides")
the_client, the_location = refers_to("clients", "client"), refers_to("locations", "location")
the_equipment, the_staff = refers_to("equipment", "equipment"), refers_to("staff", "staff")
the_job, the_part = refers_to("jobs", "job"), refers_to("parts", "part")
scope_of_job = about(the_job, lambda job: f"work_order:{job}", "The scope of the job that a key names.")
target_job = about(the_job, lambda job: {"type": "work_order", "id": job}, "The job that a key names, as a target.")
in_a_list = about(the_equipment, lambda asset: [asset], "The asset that a key names.")


class Column(NamedTuple):
    """One line of the mapping."""

    table: str
    column: str
    to: str
    """`entity.field`, `entity.field.part` of a composite, or `entity.custom.key`; empty: it never leaves the file."""
    fact: str
    """The event that tells it."""
    how: str
    """The conversion in words, for the reference page."""
    convert: Conversion | None


MAPPING: Final[tuple[Column, ...]] = (
    Column("settings", "tz", "", "", "the time zone of every local time", None),
    Column("settings", "currency", "part.currency", "Created", "three letters", None),
    Column("settings", "version", "", "", "told in the report", None),
    Column("staff", "id", "person.custom.legacy.id", "Created", "as it is", word),
    Column("staff", "name", "person.name", "Created", "one line, without the spaces around it", line),
    Column("staff", "email", "person.name", "Created", "where there is no name", line),
    Column("staff", "email", "person.email", "Created", "by its shape", email),
    Column("staff", "role", "person.role", "Created", "tech, technician, dispatch, ... in any case", role),
    Column("staff", "active", "person.active", "Created", "0 or 1", yes_or_no),
    Column("staff", "pw_md5", "", "", "never read: passwords stay behind", None),
    Column("parts", "sku", "part.sku", "Created", "without the spaces around it", word),
    Column("parts", "name", "part.name", "Created", "one line", line),
    Column("parts", "sku", "part.name", "Created", "where there is no name", line),
    Column("parts", "cost", "part.unit_cost", "Created", "a decimal with a point or a comma", amount),
    Column("clients", "id", "customer.custom.legacy.id", "Created", "as it is", word),
    Column("clients", "name", "customer.name", "Created", "one line, without the spaces around it", line),
    Column("clients", "email", "customer.name", "Created", "where there is no name", email),
    Column("clients", "phone", "customer.name", "Created", "where there is neither name nor address", phone),
    Column("clients", "email", "contact.email", "Created", "by its shape", email),
    Column("clients", "phone", "contact.phone", "Created", "E.164; a national number gets --phone-country", phone),
    Column("clients", "lang", "customer.language", "Created", "in lower case", language),
    Column("clients", "no_sms", "customer.comms_opt_out", "Created", "1 adds `sms`; 0 and nothing add nothing", no_sms),
    Column("clients", "created", "customer.at", "Created", "when the customer and the contact were created", moment),
    Column("locations", "id", "site.custom.legacy.id", "Created", "as it is", word),
    Column("locations", "client_id", "site.customer_id", "Created", "the customer of that key", the_client),
    Column("locations", "label", "site.name", "Created", "one line", line),
    Column("locations", "address", "site.name", "Created", "where there is no label", line),
    Column("locations", "city", "site.name", "Created", "where there is neither label nor address", line),
    Column("locations", "address", "site.address.street", "Created", "one line", line),
    Column("locations", "city", "site.address.city", "Created", "one line", line),
    Column(
        "locations", "zip", "site.address.postcode", "Created", "text; a number gets its leading zeros back", postcode
    ),
    Column("locations", "lat", "site.position.lat", "Created", "degrees to units of 1e-7; needs lng too", latitude),
    Column("locations", "lng", "site.position.lon", "Created", "degrees to units of 1e-7; needs lat too", longitude),
    Column("locations", "gate_code", "site.access_code", "Created", "text, zeros in front kept", word),
    Column("equipment", "id", "asset.custom.legacy.id", "Created", "as it is", word),
    Column("equipment", "location_id", "asset.site_id", "Created", "the site of that key", the_location),
    Column("equipment", "serial", "asset.serial", "Created", "text, also where it is a number", line),
    Column("equipment", "model", "asset.model", "Created", "one line", line),
    Column("equipment", "installed", "asset.custom.installed_year", "Created", "where it is a year and no more", year),
    Column("equipment", "installed", "asset.installed_on", "Created", "where it is a day", day),
    Column("equipment", "state", "asset.condition", "Created", "ok: good, broken: fault", one_of(CONDITIONS)),
    Column("jobs", "id", "work_order.custom.legacy.id", "Created", "as it is", word),
    Column("jobs", "client_id", "work_order.customer_id", "Created", "the customer of that key", the_client),
    Column("jobs", "location_id", "work_order.site_id", "Created", "the site of that key", the_location),
    Column("jobs", "equipment_id", "work_order.assets", "Created", "the asset of that key", in_a_list),
    Column("jobs", "kind", "work_order.title", "Created", "one line", line),
    Column("jobs", "descr", "work_order.title", "Created", "where there is no kind", line),
    Column("jobs", "kind", "work_order.kind", "Created", "one of ours where it is one, else `other`", kind_of_work),
    Column("jobs", "descr", "work_order.description", "Created", "free text", text),
    Column("jobs", "status", "work_order.status", "moves", "in any case: see below", status),
    Column(
        "jobs", "prio", "work_order.priority", "Created", "1 high, 2 normal, 3 low, or the word", one_of(PRIORITIES)
    ),
    Column("jobs", "prio", "work_order.custom.legacy.prio", "Created", "where it is a number", number_as_text),
    Column("jobs", "opened", "work_order.opened_at", "WorkOrderOpened", "a time that has been", moment),
    Column("jobs", "due", "work_order.due_at", "Created", "a time, also one to come", appointment),
    Column("jobs", "closed", "work_order.closed_at", "WorkOrderClosed", "and `completed_at`: one step there", moment),
    Column("jobs", "assigned_to", "visit.assignee_id", "VisitPlanned", "where no visit says so: see below", the_staff),
    Column("jobs", "resolution", "work_order.resolution", "WorkOrderCompleted", "free text", text),
    Column("jobs", "billable", "work_order.billable", "Created", "0 or 1", yes_or_no),
    Column("jobs", "tags", "work_order.tags", "Created", "between commas, each once", words),
    Column("visits", "id", "visit.custom.legacy.id", "VisitPlanned", "as it is", word),
    Column("visits", "job_id", "visit.work_order_id", "VisitPlanned", "the job of that key", the_job),
    Column("visits", "staff_id", "visit.assignee_id", "VisitPlanned", "the person of that key", the_staff),
    Column("visits", "planned", "visit.planned_start", "VisitPlanned", "a time, also one to come", appointment),
    Column("visits", "arrived", "visit.arrived_at", "VisitArrived", "a time that has been", moment),
    Column("visits", "left", "visit.finished_at", "VisitFinished", "a time that has been", moment),
    Column("visits", "outcome", "visit.outcome", "VisitFinished", "ok: resolved", one_of(OUTCOMES)),
    Column("notes", "id", "note.custom.legacy.id", "NoteWritten", "as it is", word),
    Column("notes", "job_id", "note.home", "NoteWritten", "the scope of the job of that key", scope_of_job),
    Column("notes", "job_id", "note.target", "NoteWritten", "that job", target_job),
    Column("notes", "staff_id", "note.author_id", "NoteWritten", "the person of that key", the_staff),
    Column("notes", "body", "note.body", "NoteWritten", "free text, as it is", text),
    Column("notes", "at", "note.written_at", "NoteWritten", "a time that has been", moment),
    Column("part_use", "job_id", "part_use.work_order_id", "PartUsed", "the job of that key", the_job),
    Column("part_use", "sku", "part_use.part_id", "PartUsed", "the part of that key", the_part),
    Column("part_use", "qty", "part_use.quantity", "PartUsed", "a decimal; below zero it went back", amount),
    Column("part_use", "at", "part_use.used_at", "PartUsed", "a time that has been", moment),
    Column("photos", "id", "attachment.custom.legacy.id", "PhotoAttached", "as it is", word),
    Column("photos", "job_id", "attachment.home", "PhotoAttached", "the scope of the job of that key", scope_of_job),
    Column("photos", "job_id", "attachment.target", "PhotoAttached", "that job", target_job),
    Column("photos", "name", "attachment.name", "PhotoAttached", "one line", line),
    Column("photos", "mime", "attachment.mime", "PhotoAttached", "in lower case", media_type),
    Column("photos", "data", "attachment.sha256", "PhotoAttached", "the bytes go to the blob store", sha256),
    Column("photos", "data", "attachment.size", "PhotoAttached", "in bytes", size),
)

TABLES: Final = tuple(dict.fromkeys(line.table for line in MAPPING))
"""The tables we know, in the order in which they are read: what is referred to comes first."""

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(TABLES, ("id",)),
    "settings": ("k",),
    "parts": ("sku",),
    # No key in the old database; its row numbers change when the file is vacuumed.
    "part_use": ("job_id", "sku", "at"),
}
"""What names a row."""

COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    **{table: frozenset(line.column for line in MAPPING if line.table == table) for table in TABLES},
    "settings": frozenset({"k", "v"}),
}
"""The columns we know."""
