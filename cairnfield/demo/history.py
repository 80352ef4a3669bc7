"""What happened in Harbour Town up to a moment: pure, always the same for the same moment."""

from collections.abc import Iterator
from typing import Any

from cairnfield.demo import town
from cairnfield.demo.job import Job
from cairnfield.demo.script import HOUR, MINUTE, Script, Told
from cairnfield.ids import instant


def write_script(now_ms: int) -> Script:
    """Everything up to `now_ms`, in milliseconds since 1970, except what collides."""
    script = Script(now_ms)
    people = [somebody.name for somebody in town.PEOPLE]
    script.ids["person"] = [script.new_id(now_ms - 400 * HOUR) for _ in people]
    _furnish(script, town.PEOPLE[0].name)
    technicians = [somebody.name for somebody in town.PEOPLE if somebody.role == "technician"]
    for number, state in enumerate(town.STATES):
        technician, mate = (technicians[each % len(technicians)] for each in (number, number + 1))
        Job(script, number, technician, mate).live(state)
    script.told.sort(key=lambda told: told.at_ms)
    return script


def _furnish(script: Script, office: str) -> None:
    at = script.now_ms - 300 * HOUR
    for person, somebody in zip(script.ids["person"], town.PEOPLE, strict=True):
        skills = {"skills": {"add": list(somebody.skills)}} if somebody.skills else {}
        told: dict[str, Any] = {"name": somebody.name, "role": somebody.role, **skills}
        script.tell(at, office, "town", "person", person, "Created", told)
    ids = script.ids
    ids |= {name: [] for name in ("part", "checklist_template", "stock_location", "customer", "site", "asset")}
    for sku, name, unit, cost in town.PARTS:
        ids["part"].append(
            script.create(at, office, "part", sku=sku, name=name, unit=unit, unit_cost=cost, currency="EUR")
        )
    for key, title, items in town.TEMPLATES:
        asked = [{"id": item, "kind": kind, "text": text, "required": True} for item, kind, text in items]
        told = {"key": key, "template_version": 1, "title": title, "items": asked}
        ids["checklist_template"].append(script.create(at, office, "checklist_template", **told))
    script.create(at, office, "stock_location", name="Warehouse Pier 7", kind="warehouse")
    for person, somebody in zip(ids["person"], town.PEOPLE, strict=True):
        if somebody.role == "technician":
            van = {"name": f"Van of {somebody.name}", "kind": "van", "owner_id": person}
            ids["stock_location"].append(script.create(at, office, "stock_location", **van))
    for number, client in enumerate(town.CLIENTS):
        _welcome(script, office, at + number * HOUR, client)


def _welcome(script: Script, office: str, at: int, client: town.Client) -> None:
    ids = script.ids
    address = {"street": client.street, "city": "Harbour Town", "postcode": "24937", "country": "DE"}
    customer = script.create(at, office, "customer", name=client.name, billing_address=address, language="en")
    contact = script.create(
        at, office, "contact", customer_id=customer, name=client.contact, phone=client.phone, role="On site"
    )
    script.tell(at, office, "town", "customer", customer, "Edited", {"contacts": {"add": [contact]}})
    site = script.create(
        at,
        office,
        "site",
        customer_id=customer,
        name=client.site,
        address=address,
        position={"lat": client.lat, "lon": client.lon, "source": "map"},
        geofence_m=80,
        timezone="Europe/Berlin",
        **({"hazards": {"add": list(client.hazards)}} if client.hazards else {}),
    )
    serial = f"SN-{1000 + len(ids['asset']) * 37}"
    asset = script.create(at, office, "asset", site_id=site, model=client.asset, serial=serial, condition="good")
    ids["customer"].append(customer)
    ids["site"].append(site)
    ids["asset"].append(asset)
    reading = {"meter": "hours", "value": str(1200 + 90 * len(ids["asset"])), "unit": "h", "read_at": instant(at)}
    script.create(at, office, "meter_reading", asset_id=asset, site_id=site, **reading)


def collisions(script: Script) -> Iterator[tuple[Told, Told]]:
    """Pairs told at about the same time by people who did not know of each other; each pair waits for a person."""
    office, ada, ben, chiara = (town.PEOPLE[number].name for number in (0, 1, 2, 3))
    at = script.now_ms - 40 * MINUTE
    site, asset = script.ids["site"], script.ids["asset"]

    def told(who: str, entity_type: str, entity: str, type: str, **data: Any) -> Told:  # noqa: A002
        return Told(at, who, entity, entity_type, entity, type, data)

    yield (
        told(ada, "site", site[0], "Edited", position={"lat": 533_205_110, "lon": 74_012_300, "source": "gps"}),
        told(office, "site", site[0], "Edited", position={"lat": 533_204_400, "lon": 74_015_900, "source": "map"}),
    )
    yield (
        told(ben, "asset", asset[6], "AssetConditionReported", condition="fault"),
        told(ada, "asset", asset[6], "AssetConditionReported", condition="watch"),
    )
    yield (
        told(chiara, "asset", asset[2], "Edited", condition="fault"),
        told(office, "asset", asset[2], "Archived"),
    )
    first, second = script.ahead[2], script.ahead[5]
    yield (
        told(first.technician, "visit", first.visit, "VisitArrived", arrived_at=instant(at)),
        told(office, "visit", first.visit, "VisitCancelled", cancel_reason="The customer called it off."),
    )
    yield (
        told(second.technician, "visit", second.visit, "VisitTravelStarted", travel_started_at=instant(at)),
        told(office, "visit", second.visit, "VisitReassigned", assignee_id=script.ids["person"][6]),
    )
