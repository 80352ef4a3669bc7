"""What goes wrong with every look is said once, and again only after it has gone well in between."""

import logging


class SaidOnce:
    """What a thread that looks again and again has said of what it stumbles over; for that thread alone."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said: set[tuple[str, type[Exception]]] = set()

    def say(self, what: str, trouble: Exception) -> None:
        """Say with its traceback what does not go on for that, unless trouble of that kind was said of it already."""
        if (what, type(trouble)) not in self._said:
            self._said.add((what, type(trouble)))
            self._log.error("%s: %s", what, trouble, exc_info=trouble)

    def is_well(self, what: str) -> None:
        """It goes on."""
        self._said = {each for each in self._said if each[0] != what}
