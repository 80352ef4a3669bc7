"""Whether what a device still has to hand in is what it wrote: every number there, each event chained to another.

A store that lost a row or changed a byte would otherwise be found out by the server, as a fork or as a gap for ever,
and the device would give its work another name to mend what it cannot mend.
"""

from itertools import pairwise

from sync.device import Device
from sync.envelope import hash_of


def damage(device: Device) -> str | None:
    """What is wrong with the queue, for a person; None where nothing is.

    Looked at are the unsent events under the device's own name; those of a name that it had before are a tail of which
    the server knows the beginning, and one that must fork is about to be chained anew.
    """
    if device.forked_at is not None:
        return None
    author, pending = device.author, device.outbox.values()
    unsent = [each.event for each in pending if not each.verdict and each.event.replica == author.replica]
    if not unsent:
        return None
    settled = [each.event for kept in (device.quarantined, device.kept) for each in kept.values()]
    known = [*(each.event for each in pending), *settled]
    chain = {event.seq: event for event in known if event.replica == author.replica}
    begins = min(event.seq for event in unsent)
    missing = [seq for seq in range(begins, author.seq + 1) if seq not in chain and seq not in device.elsewhere]
    if missing:
        return f"event {missing[0]} of {author.replica}, written after the first that was not handed in, is not there"
    beyond = max(chain)
    if beyond > author.seq:
        return f"event {beyond} of {author.replica} is there, though only {author.seq} were written"
    for before, after in pairwise(sorted(seq for seq in chain if seq >= begins)):
        if after == before + 1 and chain[after].prev != hash_of(chain[before].raw):
            return f"event {before} of {author.replica} is not the one that event {after} was written after"
    if author.seq in chain and hash_of(chain[author.seq].raw) != author.prev:
        return f"event {author.seq} of {author.replica}, the last one, is not what was written"
    return None
