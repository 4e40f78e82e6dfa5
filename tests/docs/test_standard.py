"""The standard promises what tests prove, says what is missing, and README says the same."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path, PurePosixPath

import pytest
from conftest import ROOT

from scaffold.documents import reading
from scaffold.standard import Clause, Standard, State

STANDARD = Standard.read()
DATA = ROOT / "src/scaffold/standard.yml"


@cache
def running(path: Path) -> set[str]:
    """Name the tests that pytest would run of a file: none that is skipped or meant to fail."""
    found = set()
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            marks = " ".join(ast.unparse(each) for each in node.decorator_list)
            if not re.search(r"\bmark\.(skip|skipif|xfail)\b", marks):
                found.add(node.name)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            assert not re.search(r"\bmark\.(skip|skipif|xfail)\b", ast.unparse(node)), path
    return found


@pytest.mark.parametrize("clause", STANDARD.clauses, ids=lambda clause: clause.id)
def test_what_a_clause_promises_is_proven(clause: Clause) -> None:
    for proof in clause.proof:
        path, _, name = proof.partition("::")
        assert re.fullmatch(r"tests/[\w/]+/test_\w+\.py", path), proof
        if not (ROOT / path).exists() or name not in running(ROOT / path):
            tests = (ROOT / "tests").rglob("test_*.py")
            moved = [f"{found.relative_to(ROOT)}" for found in tests if name in running(found)]
            raise AssertionError(f"{proof} is no test that runs; of that name there is {moved}")


def test_no_key_is_there_twice() -> None:
    assert reading.valid(PurePosixPath(DATA.name), DATA.read_bytes())


def test_the_readme_begins_with_how_much_is_met() -> None:
    total = len(STANDARD.clauses)
    met, partly = STANDARD.count(State.MET), STANDARD.count(State.PARTLY)
    said = f"Of its {total} clauses, a project meets {met} today and {partly} in part"
    first = (ROOT / "README.md").read_text("utf-8").split("\n\n")[1]
    assert said in " ".join(first.split()), "the numbers are those of src/scaffold/standard.yml"
    assert "(docs/reference/standard.md)" in first


# A file that says something else


GOOD = """\
sections: {containers: Containers}
clauses:
  - id: containers.ports
    asks: No port that need not be.
    state: partly
    where: One port.
    proof: [tests/test_ports.py::test_one]
    missing: All but one.
"""


def test_a_clause_says_all_that_its_state_wants() -> None:
    standard = Standard.read(GOOD)
    [clause] = standard.of("containers")
    assert (clause.state, clause.proof) == (State.PARTLY, ("tests/test_ports.py::test_one",))
    assert [standard.count(state) for state in State] == [0, 1, 0]


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("asks:", "aks:", "containers.ports: .*'aks', 'asks'"),
        ("partly", "done", "containers.ports: its state is none of met, partly, not yet"),
        ("partly", "met", "containers.ports: what is met says .*: .*'missing'"),
        ("partly", "not yet", "containers.ports: what is not yet says .*: .*'proof', 'where'"),
        ("    missing: All but one.\n", "", "containers.ports: .*: .*'missing'"),
        ("[tests/test_ports.py::test_one]", "[]", r"containers.ports: proof is \[\]"),
        (
            "[tests/test_ports.py::test_one]",
            "test_one",
            "containers.ports: proof is 'test_one'",
        ),
        ("All but one.", "[1]", r"containers.ports: missing is \[1\]"),
        ("id: containers.ports", "id: Ports", "Ports: not SECTION.NAME"),
        ("id: containers.ports", "id: hosting.ports", "hosting.ports: not SECTION.NAME"),
        ("sections:", "parts:", "it has sections and clauses"),
        ("clauses:\n", "clauses:\n  - ports\n", "ports: its state is none of"),
    ],
)
def test_any_other_clause_is_refused_by_name(good: str, bad: str, message: str) -> None:
    assert good in GOOD
    with pytest.raises(ValueError, match=f"^standard.yml: {message}"):
        Standard.read(GOOD.replace(good, bad, 1))


def test_a_clause_is_there_once() -> None:
    twice = GOOD + GOOD.partition("clauses:\n")[2]
    with pytest.raises(ValueError, match=r"containers\.ports: there are two of it"):
        Standard.read(twice)
