"""A thread with an event loop of its own: what works beside the requests, from `start` to `stop`."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any


class LoopingThread:
    """Runs one coroutine, which is cancelled when somebody says stop; started at most once."""

    def __init__(self, main: Callable[[], Coroutine[Any, Any, None]], *, name: str) -> None:
        self._main = main
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._is_set_up = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, and wait until it has."""
        self._thread.start()
        self._is_set_up.wait()

    def stop(self, *, within_s: float) -> None:
        """End what runs, and wait for it so long at most; nothing, where it was not started or has ended by itself."""
        if self._loop is None or self._running is None:
            return
        with suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._running.cancel)
        self._thread.join(timeout=within_s)

    def _work(self) -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(self._begin())

    async def _begin(self) -> None:
        self._loop, self._running = asyncio.get_running_loop(), asyncio.current_task()
        self._is_set_up.set()
        await self._main()
