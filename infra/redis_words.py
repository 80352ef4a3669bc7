"""Words that count once in all processes of an installation, in Redis: proofs of devices and challenges of passkeys."""

import hashlib
import logging
import time
from typing import Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from infra.redis_limits import LOOK_AGAIN_S, WAIT_S_MAX

_log = logging.getLogger("cairnfield.proofs")
_KEY: Final = "cairn:used:"


class RedisWords:
    """`api.proof.SharedWords`: a key for each word, which Redis forgets by itself; safe to share between threads.

    While Redis cannot be asked, each process knows its own alone, and nobody is locked out: what a proof allows may be
    repeated anyway.
    """

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]  # its options are untyped
            url, socket_timeout=WAIT_S_MAX, socket_connect_timeout=WAIT_S_MAX, retry=Retry(NoBackoff(), 0)
        )
        self._ask_again_at = 0.0

    def take(self, word: str, *, kept_ms: int) -> bool:
        """Whether nobody has taken it in the last `kept_ms`, as far as is known; waits WAIT_S_MAX at most."""
        if time.monotonic() < self._ask_again_at:
            return True
        key = _KEY + hashlib.sha256(word.encode()).hexdigest()
        try:
            return bool(self._redis.set(key, b"", nx=True, px=kept_ms))
        except (RedisError, OSError) as why:
            _log.warning("used proofs are known to each process alone: Redis does not answer: %s", why)
            self._ask_again_at = time.monotonic() + LOOK_AGAIN_S
            return True

    def close(self) -> None:
        """Let go of its connections."""
        self._redis.close()
