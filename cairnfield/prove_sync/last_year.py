"""A device that was not updated: what it tells it tells in the version before, wherever there was one."""

from dataclasses import replace
from typing import Any, Final

import orjson

from cairnfield.simulate.world import Deed, Scene
from sync import canonical
from sync.device import Device
from sync.envelope import Event, hash_of, parse

_KINDS: Final = {"yes_no": "bool"}
_NAMES: Final = {"at_least": "smallest", "at_most": "largest"}


def a_checklist(scene: Scene) -> Deed:
    """What has changed its words since last year."""
    number = scene.random.randint(1, 999)
    items = [
        {"id": "tight", "kind": "yes_no", "text": "Is it tight?", "required": True},
        {"id": "pressure", "kind": "number", "text": "Pressure", "required": False, "at_least": "1", "at_most": "9"},
    ]
    told = {"key": f"check-{number}", "template_version": 1, "title": f"Check {number}", "items": items}
    return Deed("checklist_template", scene.new("checklist_template"), "Created", told)


def in_last_years_words(device: Device, event: Event) -> tuple[Device, Event]:
    """The device after writing its last event in the version before; what has only ever had one version stays."""
    document = orjson.loads(event.raw)
    if document["v"] == 1:
        return device, event
    document |= {"v": document["v"] - 1, "data": _of_last_year(document["data"])}
    before = parse(canonical.dumps(document))
    outbox = {**device.outbox, event.id: device.outbox[event.id]._replace(event=before)}
    return replace(device, outbox=outbox, author=replace(device.author, prev=hash_of(before.raw))), before


def _of_last_year(data: dict[str, Any]) -> dict[str, Any]:
    items = [
        {_NAMES.get(name, name): _KINDS.get(value, value) if name == "kind" else value for name, value in item.items()}
        for item in data["items"]
    ]
    return {**data, "items": items}
