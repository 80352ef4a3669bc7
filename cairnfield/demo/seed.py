"""Filling an empty tenant with Harbour Town."""

from random import Random
from typing import TYPE_CHECKING, Final

from cairnfield.demo import town
from cairnfield.demo.history import collisions, write_script
from cairnfield.demo.script import HOUR
from cairnfield.demo.stage import Stage

if TYPE_CHECKING:
    from infra.postgres.accounts import PostgresAccounts
    from sync.log import EventLog, TenantId

TENANT_NAME: Final = "Harbour Town"
_REPLICAS_SEED: Final = 1148


def seed(log: "EventLog", accounts: "PostgresAccounts", tenant: "TenantId", *, now_ms: int) -> None:
    """Let everything happen that the demo shows, up to `now_ms` (milliseconds since 1970), in an empty tenant.

    The same moment gives the same people, replicas, events and positions.
    """
    script = write_script(now_ms)
    for person, somebody in zip(script.ids["person"], town.PEOPLE, strict=True):
        email = f"{somebody.name.split()[0].lower()}@harbour.example"
        accounts.add_person(tenant, person=person, name=somebody.name, role=somebody.role, email=email)
    people = [each for each in accounts.people(tenant) if each.person in script.ids["person"]]
    stage = Stage(log, people, Random(_REPLICAS_SEED), now_ms=now_ms - 400 * HOUR)  # noqa: S311  # a story, not a secret
    stage.play(script.told)
    stage.hand_in_all()
    for one, other in collisions(script):
        stage.collide(one, other)
