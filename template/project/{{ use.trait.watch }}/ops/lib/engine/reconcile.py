"""What there is at a vendor, what should be, and the difference: how ops/bootstrap keeps monitors and their like.

Only what has one of our names is looked at, which begins with that of the service and its environment. Fields that
we do not name stay as people set them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from .platform import Context, Plan


class Wanted(NamedTuple):
    """Something that a vendor is to have, by its name there.

    Args:
        fields: What is to hold of it, as the vendor has it when asked.
        hidden: Fields whose values nobody is shown; one that the vendor does not show either is sent with what else
            changes, and by itself changes nothing.
    """

    name: str
    fields: Mapping[str, Any]
    hidden: Mapping[str, Any] = {}


class Found(NamedTuple):
    """Something that a vendor has."""

    id: str
    name: str
    fields: Mapping[str, Any]


class Shelf(Protocol):
    """Where a vendor keeps things of one kind."""

    @property
    def kind(self) -> str:
        """What one is called, as a sentence goes on: "the monitor"."""

    def found(self) -> Sequence[Found]:
        """Give what is there; of others', too."""

    def create(self, wanted: Wanted) -> None:
        """Have one more. It may be called again after an outcome that nobody knows: by then it was looked for."""

    def change(self, found: Found, wanted: Wanted) -> None:
        """Have one be as it should."""


def named(at: Context, what: str = "") -> str:
    """Give a name of ours: the service's, the environment's, and what it is of there is more than one."""
    return "-".join(filter(None, (at.project.name, at.env, what)))


def reconcile(plan: Plan, shelf: Shelf, wanted: Sequence[Wanted]) -> None:
    """Have a vendor's shelf be as it should be, and nothing else touched."""
    there = {each.name: each for each in shelf.found()}
    for each in wanted:
        found = there.get(each.name)
        if not found:
            plan.change(f"create {shelf.kind} {each.name}", lambda each=each: shelf.create(each))  # type: ignore[misc]
            continue
        differences = (*differ(found.fields, each.fields), *_secretly(found.fields, each.hidden))
        if differences:
            what = f"change {shelf.kind} {each.name}: {'; '.join(differences)}"
            plan.change(what, lambda found=found, each=each: shelf.change(found, each))  # type: ignore[misc]


def differ(found: Mapping[str, Any], wanted: Mapping[str, Any], before: str = "") -> list[str]:
    """Say what differs, in words; what is not wanted does not count, at any depth."""
    said = []
    for name, value in wanted.items():
        said += _differ(found.get(name), value, f"{before}{name}")
    return said


def _secretly(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    return [f"another {name}" for name, value in wanted.items() if found.get(name, value) != value]


def _differ(has: object, value: object, path: str) -> list[str]:
    if isinstance(value, Mapping) and isinstance(has, Mapping):
        return differ(has, value, f"{path}.")
    if isinstance(value, list) and isinstance(has, list) and len(value) == len(has):
        pairs = enumerate(zip(has, value))
        return [each for at, (one, other) in pairs for each in _differ(one, other, f"{path}.{at}")]
    return [] if has == value else [f"{path} {_short(value)} instead of {_short(has)}"]


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
