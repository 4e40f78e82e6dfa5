"""What a setting is held to: the types that .env.example documents."""

from __future__ import annotations

import re

import pytest
from conftest import combinations_of, rendered
from process import engine_of

ENGINE = engine_of(("stack", "node"), ("ci", "github"), ("hosting", "fly"))
STACKS = [row["stack"] for row in combinations_of("stack")]


@pytest.mark.parametrize(
    ("type_", "good", "bad"),
    [
        ("integer between 1 and 300", ["1", "300"], ["0", "301", "-1", "1.5", "", "9" * 5000]),
        ("local, sandbox, testbed or live", ["live"], ["Live", "local, sandbox", ""]),
        ("URL such as redis://host", ["rediss://u:p@h:1/0"], ["host", "redis:/h", "a b://c"]),
        ("origins such as https://app.example.com", ["https://a.b, http://c:1"], ["a.b", "*"]),
        ("name of a header", ["x-forwarded-for"], ["x forwarded", ""]),
        ("string", ["", "anything at all"], []),
        ("whatever a team writes", ["anything"], []),
    ],
)
def test_a_type_takes(type_: str, good: list[str], bad: list[str]) -> None:
    fits = ENGINE.schema.fits
    assert [value for value in good if not fits(value, type_)] == []
    assert [value for value in bad if fits(value, type_)] == []


@pytest.mark.parametrize("stack", STACKS)
def test_what_an_example_documents_is_understood(stack: str) -> None:
    files = rendered(("stack", stack))
    text = next(it.content for it in files if str(it.path) == ".env.example").decode()
    told = re.findall(r"^# Type: (.*)(?:\n#.*)*\n(\w+)=(.*)$", text, re.MULTILINE)
    assert told
    fits = ENGINE.schema.fits
    assert [name for type_, name, value in told if value and not fits(value, type_)] == []
