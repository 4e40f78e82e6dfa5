"""How env files are read: what stands there arrives, or the line where it does not is named."""

from __future__ import annotations

import contextlib
import json
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from process import engine_of

ENGINE = engine_of(("stack", "node"), ("ci", "github"), ("hosting", "fly"))
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=30)


def parse(text: str) -> dict[str, str]:
    found: dict[str, str] = ENGINE.dotenv.parse(text, "it")
    return found


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A=", ""),
        ("export A=b", "b"),
        ("  A = b  ", "b"),
        ("A=b # why", "b"),
        ("A='b#c'", "b#c"),
        ("A= # c", ""),
        ("A=b=c==", "b=c=="),
        ("A=$B ${C} `d` \\n", "$B ${C} `d` \\n"),
        ("A='b # \"c\" $D \\n'", 'b # "c" $D \\n'),
        ("A='one\ntwo'", "one\ntwo"),
        ('A="one\\ntwo\nthree"', "one\ntwo\nthree"),
        ('A="\\"b\\" \\\\ \\d" # why', '"b" \\ \\d'),
        ("A=it's", "it's"),
        ("A=b\r\nC=d\r\n", "b"),
        ("# A=c\n\n  # more\nA=b", "b"),
        ("A=c\nA=b", "b"),
    ],
)
def test_a_value_is(line: str, value: str) -> None:
    assert parse(line)["A"] == value


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A", 1),
        ("A=b\nc d", 2),
        ("A='b", 1),
        ('A="b\n\nc', 1),
        ("A='b' c", 1),
        ("1A=b", 1),
        ("A=b#c", 1),
        ("A=#c", 1),
    ],
)
def test_what_is_no_line_of_it_is_named(text: str, line: int) -> None:
    with pytest.raises(ENGINE.errors.Failure) as failed:
        parse(text)
    assert (
        str(failed.value)
        == f"it, line {line}: expected NAME=value, with quotes around a # and at both ends"
    )


@given(values=st.lists(TEXT, max_size=5))
def test_any_text_arrives_in_double_quotes(values: list[str]) -> None:
    lines = (
        'N{}="{}"\n'.format(at, value.replace("\\", "\\\\").replace('"', '\\"'))
        for at, value in enumerate(values)
    )
    assert list(parse("".join(lines)).values()) == values


@given(text=TEXT)
def test_any_file_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ENGINE.errors.Failure):
        assert all(isinstance(value, str) for value in parse(text).values())


def test_a_file_that_is_no_utf_8_is_refused(tmp_path: Any) -> None:
    (tmp_path / ".env.live").write_bytes(b"A=\xff")
    with pytest.raises(ENGINE.errors.Failure, match="is no UTF-8, from byte 2 on"):
        ENGINE.dotenv.read(tmp_path / ".env.live")


def test_node_reads_the_same() -> None:
    text = "A=b # why\nB='c # \"d\" $E'\nC=\"one\\ntwo\"\nD=a=b==\nexport E='one\ntwo'\nF=\n"
    asked = "console.log(JSON.stringify(require('node:util').parseEnv(process.argv[1])))"
    told = subprocess.run(["node", "-e", asked, text], check=True, capture_output=True).stdout
    assert parse(text) == json.loads(told)
