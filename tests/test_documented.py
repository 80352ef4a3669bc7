"""The documentation is true: its examples run, its links lead somewhere, and it leaves out nothing that it promises."""

import ast
import code
import io
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
import typer

from cairnfield.cli import app
from sync.limits import told_to_clients
from sync.verdict import FROM_THE_FUTURE
from tests.test_up import running_up

ROOT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
SYNC: Final = ROOT / "docs" / "reference" / "sync.md"
FROM_PYTHON: Final = ROOT / "docs" / "how-to" / "sync-from-python.md"
OFFICE: Final = ROOT / "docs" / "how-to" / "run-the-office-by-http.md"
PLAYED: Final = {ROOT / "docs" / "tutorial" / "first-sync.md": 8, SYNC: 8, FROM_PYTHON: 6, OFFICE: 4}
"""Pages whose examples run, with how many of their answers are compared at least."""

_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIES: Final = (
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\br[a-z2-7]{12}\b"), "<replica>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<hash>"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "<stamp>"),
    (re.compile(r"\b[0-9]{13}\b"), "<milliseconds>"),
    (re.compile(r'("(?:position|head|durable|seen|cursor|after)": ?)[0-9]+'), r"\1<position>"),
    (re.compile(r"^[0-9]+ None"), "<position> None"),
)


class _Reader(code.InteractiveConsole):
    """Somebody who pastes block after block into `python3`, and goes no further once something failed."""

    def paste(self, block: str) -> str:
        printed = io.StringIO()
        with redirect_stdout(printed):
            for line in [*block.splitlines(), ""]:
                self.push(line)
        return printed.getvalue()

    def write(self, data: str) -> None:
        raise AssertionError(data)


@pytest.fixture(scope="module")
def checkout() -> Iterator[Path]:
    """A folder in which `cairn up` runs, as in a clone; root's server can walk to it, as it cannot to pytest's own."""
    with TemporaryDirectory(prefix="cairn-test-", dir="/tmp") as made:
        folder = Path(made)
        folder.chmod(0o755)
        with running_up(folder / ".cairn"):
            yield folder


@pytest.mark.parametrize("page", PLAYED, ids=lambda page: page.stem)
def test_what_a_page_shows_is_what_happens(page: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)
    reader, printed, compared = _Reader(), None, 0
    for kind, block in _BLOCK.findall(page.read_text()):
        if kind == "python":
            assert not printed, f"this is printed and not shown:\n{printed}"
            printed = reader.paste(block)
        elif kind == "text" and printed is not None:
            assert _without_what_varies(printed) == _without_what_varies(block)
            printed, compared = None, compared + 1
    assert compared >= PLAYED[page]


def test_a_wrong_example_is_found() -> None:
    with pytest.raises(AssertionError):
        _Reader().paste("print(1 / 0)\n")
    assert _without_what_varies('"seq": 1') != _without_what_varies('"seq": 2')


def _without_what_varies(text: str) -> str:
    for pattern, name in _VARIES:
        text = pattern.sub(name, text)
    return text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target} is not there"
        assert found.is_relative_to(ROOT), f"{target} is not in this repository"
        assert not anchor or anchor in _anchors(found), f"{target}: no such heading"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_page_is_for_its_readers(page: Path) -> None:
    text = page.read_text()
    for ours in ("/work/", "shared/", ".library", "issues show", "/tmp/", "/root"):
        assert ours not in text, f"{ours} means nothing to a reader"


def _commands(command: Any, name: str) -> Iterator[tuple[str, set[str]]]:
    if hasattr(command, "commands"):
        for each, sub in command.commands.items():
            yield from _commands(sub, f"{name} {each}")
        return
    options = {option for each in command.params for option in each.opts if option.startswith("--")}
    yield name, options


COMMANDS: Final = dict(_commands(typer.main.get_command(app), "cairn"))


def test_the_readme_names_every_command_and_only_options_that_exist() -> None:
    rows = re.findall(r"^\| `\./(cairn [^`]+)` \|[^|]*\|([^|]*)\|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    named = {_known(said): set(re.findall(r"`(--[a-z-]+)`", options)) for said, options in rows}
    assert named == {name: options - {"--help"} for name, options in COMMANDS.items()}


def test_the_reference_names_every_command_with_every_option() -> None:
    text = (ROOT / "docs" / "reference" / "commands.md").read_text()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    told = {
        _known(section.split("`")[1]): set(re.findall(r"^\| `(--[a-z-]+)", section, re.MULTILINE))
        for section in sections
        if section.startswith("`cairn")
    }
    assert told == {name: options - {"--help"} for name, options in COMMANDS.items()}


def test_every_command_line_that_a_page_shows_exists() -> None:
    for page in PAGES:
        for line in re.findall(r"^\$ \./(cairn [^\n]+)$", page.read_text(), re.MULTILINE):
            name = _known(line)
            said = set(re.findall(r"(?<= )--[a-z-]+", line))
            assert said <= COMMANDS[name], f"{page.name}: {line}"


def _known(said: str) -> str:
    """The command of a line such as `cairn import legacy OLD.db`."""
    return next(name for name in sorted(COMMANDS, key=len, reverse=True) if f"{said} ".startswith(f"{name} "))


def test_every_variable_that_is_read_is_in_the_reference() -> None:
    told = set(re.findall(r"`(CAIRN_[A-Z_]+)`", (ROOT / "docs" / "reference" / "commands.md").read_text()))
    settings = [ROOT / "infra" / "settings.py", ROOT / "infra" / "door_settings.py"]
    read = {name for path in settings for name in re.findall(r'"(CAIRN_[A-Z_]+)"', path.read_text())}
    assert "CAIRN_BEHIND_TLS" in read
    assert read - told == set()


def test_every_limit_is_in_the_reference_with_its_value() -> None:
    rows = re.findall(r"^\| `([a-z_]+_max)` \| ([0-9]+) \|", SYNC.read_text(), re.MULTILINE)
    assert {name: int(value) for name, value in rows} == told_to_clients()


def test_every_quarantine_code_is_in_the_reference() -> None:
    raised = {text for folder in ("sync", "commands") for text in _first_texts(folder, _QUARANTINES)}
    assert {"bad_clock", "bad_envelope", "not_allowed", "tx_broken", "not_json"} <= raised, "they are found"
    assert raised - FROM_THE_FUTURE == _named_in("Quarantine codes"), "what a newer client says waits instead"


_QUARANTINES: Final = {"Unacceptable": 0, "NotCanonical": 0}


def _named_in(heading: str) -> set[str]:
    section = re.split(rf"^#+ {heading}$", SYNC.read_text(), flags=re.MULTILINE)[1]
    return set(re.findall(r"^\| `([a-z_-]+)` \|", re.split(r"^#+ ", section, flags=re.MULTILINE)[0], re.MULTILINE))


def _first_texts(folder: str, calls: dict[str, int]) -> Iterator[str]:
    """The texts with which these classes are made in a folder, also where a function beside it chooses them."""
    for path in (ROOT / folder).rglob("*.py"):
        tree = ast.parse(path.read_text())
        functions = {each.name: each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in calls:
                yield from _texts(node.args[calls[node.func.id]], functions)


def _texts(node: ast.expr, functions: dict[str, ast.FunctionDef]) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Call(func=ast.Name(id=name)) if name in functions:
            for each in ast.walk(functions[name]):
                if isinstance(each, ast.Return) and isinstance(each.value, ast.IfExp):
                    yield from _texts(each.value.body, functions)
                    yield from _texts(each.value.orelse, functions)
        case _:
            pass
