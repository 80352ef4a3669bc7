"""The house stands as DESIGN says: who imports what, where packages begin, how SQL is written."""

import ast
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("domain", "sync", "commands", "projections", "api", "infra", "cairnfield")
THINKING = ("domain", "sync", "commands", "projections")

# An allow-list, because a deny-list forgets tomorrow's dependency. All of these compute and touch nothing.
PURE = {
    *("annotated_types", "orjson", "pydantic", "pydantic_core", "typing_extensions"),
    *("__future__", "abc", "base64", "bisect", "collections", "contextlib", "contextvars", "copy", "dataclasses"),
    *("datetime", "decimal", "enum", "fractions", "functools", "graphlib", "hashlib", "heapq", "inspect", "ipaddress"),
    *(
        "html",
        "itertools",
        "json",
        "keyword",
        "math",
        "numbers",
        "operator",
        "re",
        "string",
        "struct",
        "textwrap",
        "types",
        "typing",
    ),
    *("unicodedata", "uuid", "zlib", "zoneinfo", "zxcvbn"),
}

SQL_CALLS = {"execute", "executemany", "executescript", "copy", "stream", "text", "SQL", "exec_driver_sql", "mogrify"}


def python_files() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (ROOT / package).rglob("*.py")


@pytest.mark.parametrize("folder", THINKING)
def test_the_thinking_folders_import_only_what_computes(folder: str) -> None:
    graph = grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)
    imported = {
        (module, found.partition(".")[0])
        for module in graph.modules
        if module.partition(".")[0] == folder
        for found in graph.find_modules_directly_imported_by(module)
    }
    assert {(module, found) for module, found in imported if found not in {*PURE, *PACKAGES}} == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_opens_with_one_sentence_and_no_code(package: str) -> None:
    for path in (ROOT / package).rglob("__init__.py"):
        (sentence,) = ast.parse(path.read_text()).body
        assert isinstance(sentence, ast.Expr), path
        assert isinstance(sentence.value, ast.Constant), path
        said = sentence.value.value
        assert isinstance(said, str), path
        assert said.endswith("."), path
        assert ". " not in said, path


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_typed_and_every_folder_with_modules_is_one(package: str) -> None:
    assert (ROOT / package / "py.typed").exists()
    folders = {path.parent for path in (ROOT / package).rglob("*.py")} - {ROOT / "infra/postgres/migrations/versions"}
    folders.discard(ROOT / "infra/postgres/migrations")  # Alembic loads these by path, not by import
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_tests_are_not_packages() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_b16_no_sql_is_built_from_input() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in python_files()
        for line in built_sql(ast.parse(path.read_text(), str(path)))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("statement", "built"),
    [
        ("connection.execute(f'SELECT {name}')", True),
        ("connection.execute('SELECT ' + name)", True),
        ("connection.execute('SELECT %s' % name)", True),
        ("connection.execute('SELECT {}'.format(name))", True),
        ("cursor.copy(f'COPY {table} FROM STDIN')", True),
        ("connection.execute(f'CREATE ROLE {APP_ROLE}')", False),
        ("connection.execute('SELECT %s', [name])", False),
        ("connection.execute(sql.SQL('SELECT {}').format(sql.Identifier(name)))", False),
    ],
)
def test_the_rule_about_sql_tells_them_apart(statement: str, built: bool) -> None:
    assert bool(list(built_sql(ast.parse(statement)))) is built


def built_sql(tree: ast.Module) -> Iterator[int]:
    """The lines where a statement is glued together from anything but CONSTANTS."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and called(node) in SQL_CALLS and is_glued(node.args[0]):
            yield node.lineno


def called(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def is_glued(statement: ast.expr) -> bool:
    match statement:
        case ast.JoinedStr(values=parts):
            return any(isinstance(part, ast.FormattedValue) and not is_constant(part.value) for part in parts)
        case ast.BinOp(op=ast.Add() | ast.Mod(), left=left, right=right):
            return not (is_fixed(left) and is_fixed(right))
        case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="format" | "replace")):
            return True
        case _:
            return False


def is_fixed(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) or is_constant(part) or (isinstance(part, ast.BinOp) and not is_glued(part))


def is_constant(part: ast.expr) -> bool:
    return isinstance(part, ast.Name) and part.id.lstrip("_").isupper()
