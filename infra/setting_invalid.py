"""What is said of a setting that cannot be used."""


class SettingInvalid(Exception):
    """A setting has a value that cannot be used, or that would not be safe.

    `variable` is the name of the environment variable or option, `value` what it held,
    `remedy` a sentence that says what to set instead.
    """

    def __init__(self, variable: str, value: str, remedy: str) -> None:
        super().__init__(f"{variable} is {value!r}. {remedy}")
        self.variable = variable
        self.value = value
        self.remedy = remedy
