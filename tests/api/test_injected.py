"""B16: no text that somebody sends becomes part of a statement, a pattern or a path."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from api.policy import POLICY
from infra.postgres.accounts import PostgresAccounts
from tests.api.office import problem
from tests.api.signing import Company, companies
from tests.api.two_companies import ENDLESS
from tests.conftest import TestServer
from tests.devices import new_id

ROOT: Final = Path(__file__).resolve().parents[2]
INJECTED: Final = (
    *("'", "''", '"', "';--", "' or '1'='1", "' or 1=1--", "1; drop table event;--", "') or ('a'='a", "\\'; --"),
    *("' union select token_hash from access_token--", "1 or pg_sleep(9)", "'||pg_sleep(9)--", "$$;select 1;$$"),
    *("%", "%%", "%s", "%(tenant)s", "{tenant}", "../../etc/passwd", "\u02bc or 1=1"),
    *("(" * 40, "(a+)+$", "a" * 3_000, "admin'/*", "-1", "1e309", "\U0001f600"),
)
"""What is tried everywhere; none of it may be found in a statement, match what it should not, or take long."""
_SQL: Final = re.compile(r"\s*(select|insert|update|delete|with|alter|create|drop|set|pragma)\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def company(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with embedded_server.database() as dsn, companies(dsn, tmp_path_factory.mktemp("keys")) as made:
        yield made.new()


def test_b16_no_parameter_of_a_read_becomes_part_of_a_statement(company: Company) -> None:
    accounts, contract = company.services.accounts, company.client.get("/openapi.json").json()
    assert isinstance(accounts, PostgresAccounts)
    tokens: dict[str, str] = {
        role: accounts.issue(company.tenant, person, now_ms=company.clock.ms) for role, person in company.people.items()
    }
    tried = 0
    for path, methods in contract["paths"].items():
        if "get" not in methods or ("GET", path) == ENDLESS:
            continue
        roles = POLICY["GET", path].who or ["admin"]
        for named, place in _parameters(methods["get"], contract["components"]["parameters"]):
            for injected in INJECTED:
                asked, query = _with(path, named, place, injected)
                headers = {"Authorization": f"Bearer {tokens[sorted(roles)[0]]}"}
                told = company.client.get(asked, params=query, headers=headers)
                assert told.status_code < 500, (path, named, injected, told.text)
                assert "syntax error" not in told.text
                tried += 1
    assert tried > 500
    assert company.client.get("/v1/me", headers={"Authorization": f"Bearer {tokens['admin']}"}).status_code == 200
    assert company.services.log.head(company.tenant).position == 0


def _parameters(operation: dict[str, Any], shared: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for told in operation.get("parameters", ()):
        each = shared[told["$ref"].rpartition("/")[2]] if "$ref" in told else told
        if each["in"] in ("query", "path"):
            yield each["name"], each["in"]


def _with(path: str, named: str, place: str, injected: str) -> tuple[str, dict[str, str]]:
    """The path with one parameter set to that and the others to something harmless."""
    for name in re.findall(r"\{(\w+)\}", path):
        value = injected if name == named else "work_order" if name == "entity_type" else new_id()
        path = path.replace(f"{{{name}}}", "".join(f"%{byte:02X}" for byte in value.encode("utf-8", "surrogatepass")))
    return path, {named: injected} if place == "query" else {}


def test_b16_a_sign_in_is_no_statement_either(company: Company) -> None:
    for injected in INJECTED[:20]:
        told = company.sign_in(email=f"{injected.replace(' ', '')}@harbour.example", password=f"x{injected}")
        assert told.status_code in (401, 422), injected
    problem(company.sign_in(email="'or'1'='1'--@x", password="x"), 401, "sign-in-refused")


def statements(source: str) -> Iterator[ast.JoinedStr]:
    """Every f-string of a module that says something to the database."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
            if _SQL.match(text):
                yield node


def is_from_here(value: ast.expr) -> bool:
    """Whether what is put into a statement is a constant, which a module spells in capitals."""
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.isupper()
        case ast.Subscript(value=inner):
            return is_from_here(inner)
        case _:
            return False


def faults(source: str) -> list[str]:
    return [
        ast.unparse(part.value)
        for statement in statements(source)
        for part in statement.values
        if isinstance(part, ast.FormattedValue) and not is_from_here(part.value)
    ]


def test_b16_statements_are_put_together_from_constants_alone() -> None:
    """The type checkers hold the same by LiteralString; this also sees what somebody tells them to overlook."""
    modules = [path for path in (ROOT / "infra").rglob("*.py") if "migrations" not in path.parts]
    found = {str(path.relative_to(ROOT)): faults(path.read_text()) for path in modules}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert sum(len(list(statements(path.read_text()))) for path in modules) > 10, "they are found"
    assert faults('f"select * from event where tenant = {tenant}"') == ["tenant"]
    assert faults('f"select {_COLUMNS} from event"') == []
