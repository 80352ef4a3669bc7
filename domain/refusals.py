"""How a rule says no: one class per refusal, whose name is the problem type and whose docstring is its title."""


class Refused(Exception):  # a refusal is an answer, not an error
    """A rule said no."""

    def __init__(self, *details: object) -> None:
        super().__init__(*details)
        self.detail = ", ".join(str(each) for each in details)
        """What exactly was refused, in words for the person who asked."""
