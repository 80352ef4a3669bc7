"""Whom a run begins with: people with logins, and a small town that somebody founded before the blows begin."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from cairnfield.ids import uuid7
from cairnfield.prove_sync.part import Part
from cairnfield.prove_sync.phone import Phone
from cairnfield.simulate.world import Deed, Moment, Scene
from cairnfield.wiring import now_ms, open_accounts
from domain.people import Role
from infra.postgres.pool import open_pool
from sync.log import TenantId

PLACES: Final = 3
JOBS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """Somebody who may sign in."""

    person: str
    role: Role
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A tenant of one run."""

    tenant: TenantId
    players: Sequence[Player]


def register(dsn: str, roles: Sequence[Role], *, seed: int) -> Town:
    """A fresh tenant with somebody in each of the roles."""
    now, dice = now_ms(), Random()  # noqa: S311  # ids must differ from run to run, also for the same seed
    with open_pool(dsn, size=1) as pool:
        accounts = open_accounts(pool)
        tenant = accounts.add_tenant(f"Run {seed}", now_ms=now)
        players: list[Player] = []
        for number, role in enumerate(roles):
            person = uuid7(now, dice)
            accounts.add_person(tenant, person=person, name=f"{role} {number}", role=role)
            token = accounts.issue(tenant, person, now_ms=now)
            players.append(Player(person=person, role=role, token=token))
    return Town(tenant=tenant, players=players)


def found(part: Part, town: Town) -> None:
    """Let a device of its own tell what everybody will meet at."""
    part.orders.write_bytes(b'["work",0]')
    with Phone.of(part) as phone:
        phone.found(lambda scene: _deeds(scene, town))


def _deeds(scene: Scene, town: Town) -> list[Deed]:
    scene.world.meet(("person", each.person) for each in town.players)
    people = list(scene.world.by_type["person"])
    deeds = [Deed("person", ref, "Created", {"name": f"Person {ref.number}", "role": "technician"}) for ref in people]
    for _ in range(PLACES):
        customer, site, asset = (scene.new(kind) for kind in ("customer", "site", "asset"))
        deeds += [
            Deed("customer", customer, "Created", {"name": f"Customer {customer.number}"}),
            Deed("site", site, "Created", {"customer_id": customer, "name": f"Site {site.number}"}),
            Deed("asset", asset, "Created", {"site_id": site, "model": "Pump"}),
        ]
        for number in range(JOBS // 2):
            job, visit = scene.new("work_order"), scene.new("visit")
            about = {"customer_id": customer, "site_id": site, "kind": "repair", "title": f"Job {job.number}"}
            assignee = {"assignee_id": people[number % len(people)]}
            deeds += [
                Deed("work_order", job, "Created", about),
                Deed("work_order", job, "WorkOrderOpened", {"opened_at": Moment(scene.ms)}),
                Deed("visit", visit, "VisitPlanned", {"work_order_id": job, **assignee}),
            ]
    part = scene.new("part")
    return [*deeds, Deed("part", part, "Created", {"sku": "S-1", "name": "Seal", "unit": "piece"})]
