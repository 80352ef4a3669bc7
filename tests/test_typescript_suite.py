"""The tests of `pwa/` hold too: vitest runs here as one test, so that `cairn test` leaves nothing out."""

import os
import subprocess
from pathlib import Path

import pytest

from cairnfield.node import packages, tool

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.timeout(900)  # the first time it also fetches what vitest needs
def test_the_typescript_suite_passes() -> None:
    done = vitest(packages(ROOT), "run")
    print(done.stdout)
    if done.returncode != 0:
        pytest.fail(done.stdout, pytrace=False)


def test_a_typescript_test_that_fails_or_is_missing_fails_the_suite(tmp_path: Path) -> None:
    workspace = packages(ROOT)
    failing = tmp_path / "failing.test.ts"
    failing.write_text(
        "import { expect, test } from 'vitest';\ntest('one visit', () => expect(1 + 1, 'visits').toBe(3));\n"
    )
    done = vitest(workspace, "run", "--root", str(tmp_path), "--dir", str(tmp_path))
    assert done.returncode != 0
    assert "visits" in done.stdout
    assert vitest(workspace, "run", "no-test-has-this-name").returncode != 0


def vitest(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        tool(ROOT, "vitest", *arguments),
        cwd=workspace,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
