"""The life of a device's process, from its start on what its disk holds until it is told to stop."""

import os
import signal

from cairnfield.prove_sync.part import Part, orders_of
from cairnfield.prove_sync.phone import Phone
from cairnfield.prove_sync.synced import Synced


def live(part: Part) -> None:
    """Be a device until told to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the runner, which then stops us
    with part.folder.joinpath(f"{part.name}.log").open("ab") as log:
        os.dup2(log.fileno(), 2)
    with Synced.of(part) if part.is_synced else Phone.of(part) as device:
        device.open()
        while (orders := orders_of(part)).phase != "stop":
            device.user.pass_a_moment(device, orders)
