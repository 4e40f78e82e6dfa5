"""What manifests say of a project's name, its purpose and its owner."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

from scaffold.wording import slug

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def parsed(reader: Callable[[str], dict[str, str]], content: str) -> dict[str, str]:
    """Read a manifest; one with a mistake in it, or an attack, says nothing."""
    try:
        return reader(content)
    except (ValueError, RecursionError):
        return {}


def _package_json(content: str) -> dict[str, str]:
    data = json.loads(content)
    return {
        "project_name": _dig(data, "name"),
        "description": _dig(data, "description"),
        "owner": _dig(data, "author", "name") or _dig(data, "author"),
    }


def _pyproject_toml(content: str) -> dict[str, str]:
    data = tomllib.loads(content)
    poetry = _dig(data, "tool", "poetry", "authors", 0)
    return {
        "project_name": _dig(data, "project", "name") or _dig(data, "tool", "poetry", "name"),
        "description": (
            _dig(data, "project", "description") or _dig(data, "tool", "poetry", "description")
        ),
        "owner": _dig(data, "project", "authors", 0, "name") or poetry,
    }


#: Who says what a project is called, what it does and whose it is.
READERS: Mapping[str, Callable[[str], dict[str, str]]] = {
    "package.json": _package_json,
    "pyproject.toml": _pyproject_toml,
}


def _line(said: str) -> str:
    return " ".join(said.split())


#: How what a manifest says becomes an answer: `@scope/Name` a name, `Jane <jane@…>` an owner.
TEXTS: Mapping[str, Callable[[str], str]] = {
    "project_name": lambda said: slug(said.rpartition("/")[2]),
    "description": _line,
    "owner": lambda said: _line(re.split(r"[<(]", said)[0]),
}


def _dig(data: Any, *keys: str | int) -> str:
    """Give the text that lies below these keys; nothing when none does."""
    for key in keys:
        if isinstance(data, str):  # its letters are no entries
            return ""
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return ""
    return data if isinstance(data, str) else ""
