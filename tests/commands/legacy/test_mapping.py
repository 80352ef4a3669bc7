"""The mapping names only what is declared, and leaves nothing of the old tables out."""

import pytest

from commands.legacy.mapping import COLUMNS, KEYS, MAPPING, STATUSES, TABLES, Column
from commands.legacy.row import NEVER_READ
from domain.catalogue import ENTITIES, FACTS
from domain.values import Address, Position

OLD_COLUMNS = {
    "staff": "id name email role active pw_md5",
    "clients": "id name email phone lang no_sms created",
    "locations": "id client_id label address city zip lat lng gate_code",
    "equipment": "id location_id serial model installed state",
    "jobs": "id client_id location_id equipment_id kind descr status prio opened due closed assigned_to resolution "
    "billable tags",
    "visits": "id job_id staff_id planned arrived left outcome",
    "notes": "id job_id staff_id body at",
    "parts": "sku name cost",
    "part_use": "job_id sku qty at",
    "photos": "id job_id name mime data",
    "settings": "k v",
}
PARTS = {"address": Address.__annotations__, "position": Position.__annotations__}


def test_every_column_of_the_old_application_is_in_the_mapping() -> None:
    assert {table: set(columns.split()) for table, columns in OLD_COLUMNS.items()} == {
        table: set(columns) for table, columns in COLUMNS.items()
    }


@pytest.mark.parametrize("line", [line for line in MAPPING if line.to], ids=lambda line: f"{line.table}.{line.column}")
def test_a_line_leads_to_a_declared_field_in_an_event_that_tells_it(line: Column) -> None:
    entity, field, *part = line.to.split(".", 2)
    if field in ("custom", "at"):
        assert entity in ENTITIES
    elif line.fact == "moves":
        assert (field, set(STATUSES.values()) <= {*ENTITIES_STATUSES, "closed"}) == ("status", True)
    else:
        assert field in FACTS[entity][line.fact].fields
        assert not part or part[0] in PARTS[field]


ENTITIES_STATUSES = {"open", "scheduled", "in_progress", "on_hold", "cancelled"}


def test_what_is_referred_to_is_read_first() -> None:
    for table, other in [("locations", "clients"), ("equipment", "locations"), ("jobs", "equipment")]:
        assert TABLES.index(other) < TABLES.index(table)
    assert all(TABLES.index("jobs") < TABLES.index(table) for table in ("visits", "notes", "part_use", "photos"))
    assert TABLES[0] == "settings"


def test_every_table_has_a_key_of_columns_that_are_known() -> None:
    assert all(set(KEYS[table]) <= COLUMNS[table] for table in TABLES)


def test_passwords_lead_nowhere() -> None:
    assert [(line.to, line.convert) for line in MAPPING if line.column == "pw_md5"] == [("", None)]
    assert ("staff", "pw_md5") in NEVER_READ
