r"""Env files: NAME=value lines.

A value is taken as it stands, without the space around it and a comment after that. One with a # in it wants quotes:
those who read such files disagree about it. In single quotes nothing has a meaning; in double quotes \n is a new line,
\" a quote and \\ a backslash. What is quoted may have several lines.
"""

from __future__ import annotations

import re
from pathlib import Path

from .errors import Failure

LINE = re.compile(
    r"""[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][\w.]*)[ \t]*=[ \t]*
    (?: '(?P<literal>[^']*)' | "(?P<escaped>(?:[^"\\]|\\.)*)" | (?P<plain>(?!['"])[^\#\r\n]*?) )
    (?:[ \t]+\#[^\r\n]*|[ \t]*)(?:\r?\n|$)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
NOTHING = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?:\r?\n|$)")
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def parse(text: str, where: str) -> dict[str, str]:
    """Give names and values, or say in which line there are none."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        nothing = NOTHING.match(text, at)
        line = nothing or LINE.match(text, at)
        if not line or line.end() == at:
            number = text.count("\n", 0, at) + 1
            raise Failure(f"{where}, line {number}: expected NAME=value, with quotes around a # and at both ends")
        at = line.end()
        if line is not nothing:
            found[line["name"]] = _value(line)
    return found


def _value(line: re.Match[str]) -> str:
    if line["escaped"] is not None:
        # What is no escape stays as it is, as a path of Windows.
        return re.sub(r"\\(.)", lambda it: ESCAPES.get(it[1], it[0]), line["escaped"], flags=re.DOTALL)
    return str(line["plain"] if line["literal"] is None else line["literal"])


def read(file: Path) -> dict[str, str]:
    """Read a file."""
    try:
        return parse(file.read_bytes().decode("utf-8-sig"), str(file))
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Failure(f"{file} is no UTF-8, from byte {error.start} on") from None
