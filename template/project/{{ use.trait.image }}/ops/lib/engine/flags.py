"""Feature flags in flagd's format, and what is expected of each in flags.json: an owner, and a day to be gone by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from .errors import Failure

FILE = Path("flags.json")
#: In place of the day, for what is to stay: then its metadata says why, as `because`.
NEVER = "never"
#: What a rule can say: JsonLogic's operators, and flagd's own.
OPERATORS = {
    *(
        "!=",
        "!==",
        "!",
        "!!",
        "==",
        "===",
        "<",
        "<=",
        ">",
        ">=",
        "+",
        "-",
        "*",
        "/",
        "%",
        "all",
        "and",
        "cat",
        "filter",
    ),
    *("if", "in", "log", "map", "max", "merge", "min", "missing", "missing_some", "none", "or", "reduce", "some"),
    *("substr", "var", "fractional", "starts_with", "ends_with", "sem_ver", "$ref"),
}


class Switch(NamedTuple):
    """What somebody switched: on, off, or back to what files say."""

    state: str
    by: str
    time: str


def parse(text: str, where: str) -> dict[str, Any]:
    """Give the flags of a file by their names, or say why it has none."""
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except ValueError as error:
        raise Failure(f"{where} is not valid: {error}") from None
    flags = found.get("flags") if isinstance(found, dict) else None
    if not isinstance(flags, dict):
        raise Failure(f'{where} is not valid: it has no object "flags"')
    for name, flag in flags.items():
        if not isinstance(flag, dict):
            raise Failure(f"{where} is not valid: {name} is no object")
    return flags


def read() -> dict[str, Any]:
    """Give those of the project."""
    try:
        return parse(FILE.read_text("utf-8"), str(FILE))
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise Failure(f"{FILE} is no UTF-8, from byte {error.start} on") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"it has {name} twice")
    return dict(pairs)


def problems(flags: Mapping[str, Any], today: date) -> list[str]:
    """Say what is wrong with flags on a day, a line for each."""
    return [f"{name}: {what}" for name, flag in flags.items() for what in _problems(flag, today)]


def about(flag: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give what is said about a flag, which nothing of it follows from."""
    metadata = flag.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _problems(flag: Mapping[str, Any], today: date) -> Iterator[str]:
    if flag.get("state") not in ("ENABLED", "DISABLED"):
        yield "its state is neither ENABLED nor DISABLED"
    variants, default = flag.get("variants"), flag.get("defaultVariant")
    if not isinstance(variants, dict) or not variants:
        yield "it has no variants"
    elif len({float if type(each) is int else type(each) for each in variants.values()}) > 1:
        yield "its variants are of several types"
    elif default and default not in variants:
        yield "its defaultVariant is none of its variants"
    if not isinstance(flag.get("targeting", {}), dict):
        yield "its targeting is no object"
    for unknown in sorted(_operators(flag.get("targeting")) - OPERATORS):
        yield f"its targeting has no operator '{unknown}'"
    yield from _overdue(about(flag), today)


def _operators(rule: object) -> set[str]:
    if isinstance(rule, dict):
        return {*rule}.union(*map(_operators, rule.values()))
    return set().union(*map(_operators, rule)) if isinstance(rule, list) else set()


def _overdue(metadata: Mapping[str, Any], today: date) -> Iterator[str]:
    owner, expires = metadata.get("owner"), metadata.get("expires")
    if not isinstance(owner, str) or not owner.strip():
        yield "its metadata has no owner"
    if expires == NEVER:
        if not metadata.get("because"):
            yield f'it expires {NEVER}; its metadata has to say why, as "because"'
    elif not isinstance(expires, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", expires):
        yield f'its metadata does not say when it expires: a day such as 2027-03-31, or "{NEVER}"'
    else:
        try:
            late = date.fromisoformat(expires) < today
        except ValueError:
            yield f"it expires on {expires}, which is no day"
            return
        if late:
            yield f"it expired on {expires}: {owner} takes it out of the code and of {FILE}, or gives it another day"
