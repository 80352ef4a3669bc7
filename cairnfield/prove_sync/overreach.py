"""What a technician tells now and then although it is the office's: it is set aside, and somebody has to decide."""

from typing import Any, Final

from cairnfield.simulate.world import Deed, Scene

OVERREACHES: Final = 0.15
"""How often what a technician tells is not theirs to tell: so that there is something to decide about in every run."""


def of_the_office(scene: Scene) -> list[Deed]:
    """An edit that the office may bring in after all, as it is or corrected; none of what is not in sight."""
    told: dict[str, dict[str, Any]] = {
        "customer": {"name": f"Mill {scene.random.randint(1, 99)}"},
        "site": {"directions": f"Gate {scene.random.randint(1, 99)}, then left."},
        "work_order": {"priority": scene.random.choice(["low", "high", "critical"])},
    }
    kind = scene.random.choice([*told])
    seen = scene.pick(kind, lambda _: True)
    return [Deed(kind, seen, "Edited", told[kind])] if seen else []
