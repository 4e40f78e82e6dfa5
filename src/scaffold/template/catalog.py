"""The options a template offers: one row for each option folder."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scaffold.errors import TemplateError, UsageError
from scaffold.wording import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


@contextmanager
def _incomplete() -> Iterator[None]:
    try:
        yield
    except (AttributeError, KeyError, TypeError) as error:
        raise TemplateError(
            f"An option row of the template is incomplete: {error}",
            "docs/reference/option-row.md lists what a row needs.",
        ) from error


@dataclass(frozen=True, slots=True, order=True)
class Option:
    """One choice on one axis, as its `_layer/option.yml` states it.

    Attributes:
        order: Place among the options of its axis, ascending.
        id: What an answers file and `-d` call it.
        axis: The question it answers: `stack`, `ci`, `hosting`, …
        label: What a person calls it.
        why: One line on when to choose it.
        row: The whole row, for what only one axis knows, with what its traits add to it.
    """

    order: int
    id: str
    axis: str
    label: str
    why: str
    row: Mapping[str, Any]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Option:
        """Read one row.

        Raises:
            TemplateError: When the row lacks a key that every row has.
        """
        with _incomplete():
            return cls(row["order"], row["id"], row["axis"], row["label"], row["why"], row)


@dataclass(frozen=True)
class Catalog:
    """All options, by axis in the order of the questions and then by their own order."""

    axes: Mapping[str, tuple[Option, ...]]

    @classmethod
    def from_rows(
        cls,
        rows: Iterable[Mapping[str, Any]],
        questions: Iterable[str],
        traits: Iterable[Mapping[str, Any]] = (),
    ) -> Catalog:
        """Group rows by the questions that are axes.

        Args:
            rows: One for each option.
            questions: The names of all questions, in order.
            traits: What the options that name a trait have in common, in the form of rows.

        Raises:
            TemplateError: When a row is incomplete.
        """
        with _incomplete():
            shared = {trait["id"]: trait for trait in traits}
            whole = [_with_traits(row, shared) for row in rows]
            options = sorted(Option.from_row(_with_stacks(row, whole)) for row in whole)
        grouped = {name: tuple(o for o in options if o.axis == name) for name in questions}
        return cls({axis: found for axis, found in grouped.items() if found})

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """Every option of every axis."""
        return tuple(option for options in self.axes.values() for option in options)

    def axis(self, name: str) -> tuple[Option, ...]:
        """Give the options of one axis.

        Raises:
            UsageError: When there is no such axis.
        """
        if name not in self.axes:
            raise UsageError(
                f"There is no axis '{name}'.",
                f"{nearest(name, self.axes)}The axes are {', '.join(self.axes)}.",
            )
        return self.axes[name]

    def chosen(self, answers: Mapping[str, Any]) -> tuple[Option, ...]:
        """Give the options that these answers choose."""
        return tuple(o for o in self.options if answers.get(o.axis) == o.id)

    def fitting(self, axis: str, answers: Mapping[str, Any]) -> tuple[Option, ...]:
        """Give the options of an axis that go with what was answered before it.

        That is the stack, which a row of any axis may limit, and the CI provider, whose row may
        limit the hosts (macros/catalog.jinja does the same).
        """
        stack = answers.get("stack")
        hosts = next((o.row["hosts"] for o in self.chosen(answers) if "hosts" in o.row), None)
        return tuple(
            option
            for option in self.axis(axis)
            if (not stack or stack in option.row.get("stacks", [stack]))
            and (axis != "hosting" or hosts is None or option.id in hosts)
        )

    def choice(self, axis: str, answers: Mapping[str, Any]) -> str:
        """Name the option of an axis that these answers choose; nothing if there is none."""
        return next((o.id for o in self.chosen(answers) if o.axis == axis), "")

    def said(self, answers: Mapping[str, Any], key: str) -> str:
        """Give what the first option that these answers choose says under a key of its row."""
        return next((str(o.row[key]) for o in self.chosen(answers) if key in o.row), "")


def _with_traits(
    row: Mapping[str, Any], traits: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Put what its traits say before what a row says itself."""
    said = [traits[name] for name in row.get("traits", ()) if name in traits]
    found: dict[str, Any] = {}
    for each in [*said, row]:
        for key, value in each.items():
            found[key] = _joined(found[key], value) if key in found else value
    return found


def _joined(one: Any, other: Any) -> Any:
    """Join two lists, or two mappings of lists; of anything else the second one counts."""
    if isinstance(one, list):
        return [*one, *other]
    if isinstance(one, dict):
        return {**one, **{k: _joined(one[k], v) if k in one else v for k, v in other.items()}}
    return other


def _with_stacks(row: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Name the stacks that have what a row runs (macros/catalog.jinja does the same)."""
    if "runs" not in row:
        return row
    wanted = set(row["runs"])
    stacks = [r for r in rows if r["axis"] == "stack" and wanted & set(r.get("traits", ()))]
    return {**row, "stacks": [r["id"] for r in sorted(stacks, key=lambda r: int(r["order"]))]}
