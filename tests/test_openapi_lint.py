"""The description of the API passes Spectral's rules for OpenAPI without a warning."""

import json
import subprocess
from pathlib import Path

from cairnfield.node import packages, tool
from cairnfield.openapi_reference import openapi

ROOT = Path(__file__).resolve().parents[1]


def lint(path: Path) -> tuple[int, list[str]]:
    rules = packages(ROOT) / "api" / ".spectral.yaml"
    command = tool(ROOT, "spectral", "lint", "--ruleset", str(rules), "--fail-severity", "hint", "--format", "json")
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
    found = json.JSONDecoder().raw_decode(done.stdout)[0]
    return done.returncode, [f"{each['code']} {'/'.join(map(str, each['path']))}: {each['message']}" for each in found]


def test_the_description_of_the_api_has_no_warning(tmp_path: Path) -> None:
    path = tmp_path / "openapi.json"
    path.write_text(openapi())
    assert lint(path) == (0, [])


def test_the_rules_bite(tmp_path: Path) -> None:
    told = json.loads(openapi())
    del told["paths"]["/v1/sync/push"]["post"]["description"]
    told["paths"]["/v1/sync/hello"]["post"]["operationId"] = "push"
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(told))
    status, found = lint(path)
    assert status == 1
    assert {each.split()[0] for each in found} == {"operation-description", "operation-operationId-unique"}
