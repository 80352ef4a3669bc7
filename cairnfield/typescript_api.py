"""Types of every request and answer of the HTTP API in TypeScript, made from its description by openapi-typescript."""

import subprocess
from pathlib import Path
from typing import Final

from cairnfield.node import node, packages
from cairnfield.openapi_reference import openapi

REPOSITORY: Final = Path(__file__).parents[1]


def api_types() -> str:
    """The module as text; CannotGoOn where the packages of pwa/ cannot be installed."""
    made_by = packages(REPOSITORY) / "api" / "node_modules" / ".bin" / "openapi-typescript"
    done = subprocess.run([node(), made_by], input=openapi(), capture_output=True, text=True, check=True)
    return done.stdout
