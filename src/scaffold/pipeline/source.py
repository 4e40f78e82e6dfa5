"""Reading what somebody else wrote: YAML and JSON as plain data, within bounds.

Nothing that a text says can make an object, a file or a process of it, and no text, however it
nests or repeats itself, takes more than a moment.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from scaffold.errors import ScaffoldError
from scaffold.wording import brief, shown

#: Bytes of one file. Providers take less.
MAX_SIZE = 512 << 10
#: Values in one file, every alias counted as what it stands for.
MAX_VALUES = 50_000


class Reference(tuple[str, ...]):
    """GitLab's `!reference [job, key]`."""

    __slots__ = ()


class _Loader(yaml.SafeLoader):
    """YAML 1.2's idea of a scalar: `on` is a text, `1:30` too, and no date is anything else."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


_CORE = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("int", r"[-+]?[0-9]{1,15}", "-+0123456789"),
    ("float", r"[-+]?[0-9]{1,15}\.[0-9]{1,15}", "-+0123456789"),
    ("merge", r"<<", "<"),
)
for _kind, _pattern, _first in _CORE:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_pattern})$"), [*_first]
    )
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^$"), [""])


def documents(path: str, content: bytes) -> list[Any]:
    """Read the documents of a YAML file.

    Raises:
        ScaffoldError: When it is no valid YAML, or larger than any pipeline.
    """
    text = _decoded(path, content, "YAML")
    try:
        loader = _Loader(text)
        found = []
        plain = _Plain(path)
        while loader.check_node():
            found.append(plain.of(loader.get_node()))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is broken"
        raise _broken(path, "YAML", f"{where}: {brief(reason, 120)}") from error
    except (ArithmeticError, ValueError) as error:
        raise _broken(path, "YAML", f": {brief(error, 120)}") from error
    except RecursionError as error:
        raise _broken(path, "YAML", ": it nests too deep") from error
    return found


def document(path: str, content: bytes) -> Any:
    """Read the first document of a YAML file.

    Raises:
        ScaffoldError: When it is no valid YAML, or larger than any pipeline.
    """
    return next(iter(documents(path, content)), None)


def json_document(path: str, content: bytes) -> Any:
    """Read a JSON file.

    Raises:
        ScaffoldError: When it is no valid JSON, or larger than any pipeline.
    """
    text = _decoded(path, content, "JSON")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _broken(path, "JSON", f" (line {error.lineno}): {brief(error.msg, 120)}") from error
    except ValueError as error:
        raise _broken(path, "JSON", f": {brief(error, 120)}") from error
    except RecursionError as error:
        raise _broken(path, "JSON", ": it nests too deep") from error


def _decoded(path: str, content: bytes, kind: str) -> str:
    if len(content) > MAX_SIZE:
        raise ScaffoldError(
            f"{shown(path, 200)} is larger than {MAX_SIZE >> 10} KiB, so it was not read.",
            "Split it, or leave it out.",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _broken(path, kind, ": it is not UTF-8 text") from error


def _broken(path: str, kind: str, what: str) -> ScaffoldError:
    return ScaffoldError(
        f"{shown(path, 200)} is no valid {kind}{what}.",
        "Correct it first: its provider cannot read it either.",
    )


class _Plain:
    """Makes plain data of a file's nodes: mappings with keys of text, lists and scalars."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.left = MAX_VALUES

    def of(self, node: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise ScaffoldError(
                f"{shown(self.path, 200)} stands for more than {MAX_VALUES} values.",
                "Use fewer aliases, or leave it out.",
            )
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode):
            found = [self.of(item) for item in node.value]
            return Reference(map(text, found)) if node.tag == "!reference" else found
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        merges, own = {}, {}
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                for each in reversed(items(self.of(value))):
                    merges.update(mapping(each))
            else:
                own[text(self.of(key))] = self.of(value)
        return {**merges, **own}


def _scalar(node: Any) -> Any:
    value = str(node.value)
    match str(node.tag).rpartition(":")[2]:
        case "bool":
            return value.lower() == "true"
        case "null":
            return None
        case "int" if re.fullmatch(r"[-+]?[0-9]{1,15}", value):
            return int(value)
        case "float" if re.fullmatch(r"[-+]?[0-9]{1,15}\.[0-9]{1,15}", value):
            return float(value)
        case _:
            return value


# Whatever somebody wrote, as what it should have been.


def mapping(value: Any) -> dict[str, Any]:
    """Give a mapping as it is, and anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """Give a list as it is, nothing as an empty one, and anything else as a list of one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def flat(value: Any) -> list[Any]:
    """Give the items of a list, and of the lists in it."""
    found: list[Any] = []
    for item in items(value):
        found += flat(item) if isinstance(item, list) else [item]
    return found


def text(value: Any) -> str:
    """Give a scalar as the file has it, and anything else as an empty text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def strings(value: Any) -> list[str]:
    """Give every text within a value, keys left out."""
    if isinstance(value, dict):
        return [each for item in value.values() for each in strings(item)]
    if isinstance(value, list):
        return [each for item in value for each in strings(item)]
    return [value] if isinstance(value, str) else []
