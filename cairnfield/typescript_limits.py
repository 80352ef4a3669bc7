"""The bounds of the protocol that a client keeps too, for TypeScript."""

from cairnfield.typescript import file
from sync import limits


def client_limits() -> str:
    """The source of `generated/limits.ts`: what hello tells clients, and how far ahead a stamp is followed."""
    told = [name.upper() for name in (*limits.told_to_clients(), "clock_drift_ms_max")]
    return file(
        "Every bound of the protocol that a client keeps, each with its unit.",
        *(f"export const {name} = {getattr(limits, name):_};" for name in told),
    )
