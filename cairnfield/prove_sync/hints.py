"""A device's ear: hints that there is something to pull, heard beside everything else it does."""

import threading
from collections.abc import Callable

from infra.http_client import SyncClient
from infra.live_hints import LiveEnded

PAUSE_S_MAX = 0.5
"""Short, as everything in a run is."""


class Hints:
    """Hints of one device; they end with its process, or when the server says that there is no use in listening."""

    def __init__(self, url: str, token: str, heard: Callable[[int], None]) -> None:
        self._url, self._token, self._heard = url, token, heard
        self._is_news, self._is_over = threading.Event(), threading.Event()

    def listen(self, replica: str) -> None:
        """Begin to listen, in a thread of its own that holds up nobody."""
        threading.Thread(target=self._listen, args=(replica,), daemon=True).start()

    def _listen(self, replica: str) -> None:
        with SyncClient(self._url, self._token) as client:
            while not self._is_over.is_set():
                try:
                    for head in client.live(replica, wait=self._pause):
                        self._heard(head)
                        self._is_news.set()
                except LiveEnded:
                    self._pause(PAUSE_S_MAX)  # a clone listens under our name, or a restored server has forgotten it

    def _pause(self, seconds: float) -> None:
        self._is_over.wait(min(seconds, PAUSE_S_MAX))

    def wait(self, seconds: float) -> bool:
        """Wait for news, so long at most; whether there is any."""
        is_news = self._is_news.wait(seconds)
        self._is_news.clear()
        return is_news

    def end(self) -> None:
        """Listen no longer than to the end of the next line."""
        self._is_over.set()
