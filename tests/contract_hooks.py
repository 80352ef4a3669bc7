"""How schemathesis speaks what is not JSON here: events by the line, as a device would spell them."""

import random
from typing import Any

import schemathesis
from hypothesis import strategies as st

from sync.author import Author, write
from tests.devices import MINUTE, NOON, new_id


def _lines(seed: int) -> bytes:
    """A few events of a replica that nobody here has: what may be answered is that it is not yours."""
    dice = random.Random(seed)
    author = Author(replica="r" + "".join(dice.choices("abcdefghijklmnopqrstuvwxyz234567", k=12)))
    lines: list[bytes] = []
    for _ in range(dice.randint(1, 3)):
        author, raw = write(
            author,
            id=new_id(),
            entity_type="site",
            entity=new_id(),
            type="Archived",
            data={},
            clock={},
            now_ms=NOON + MINUTE,
        )
        lines.append(raw)
    return b"\n".join(lines)


schemathesis.openapi.media_type("application/x-ndjson", st.integers(0, 2**32).map(_lines))


@schemathesis.serializer("application/x-ndjson")
def _as_it_is(ctx: schemathesis.SerializationContext, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")
