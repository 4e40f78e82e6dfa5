"""The standard: what each clause asks for, how much of it a generated project has, and the proof.

`standard.yml` says it and nothing else does: the reference is generated from it, tests hold the
README and the proofs to it, and whatever checks a clause names it by its id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """How much of a clause holds."""

    MET = "met"
    PARTLY = "partly"
    NOT_YET = "not yet"


#: What a clause says besides what it asks, by its state: a promise has a proof, a gap a sentence.
_SAID = {
    State.MET: {"where", "proof"},
    State.PARTLY: {"where", "proof", "missing"},
    State.NOT_YET: {"missing"},
}
_ID = re.compile(r"(?P<section>[a-z]+)\.[a-z]+")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that the standard asks for.

    Attributes:
        id: Its section and its name, which stay: `containers.ports`.
        asks: What it asks for, in Markdown.
        state: How much of it holds.
        where: What a project has of it, in Markdown with links from `docs/reference/`.
        proof: Tests that would fail if it had not, as `tests/file.py::test_name`.
        missing: What a project has not, in Markdown.
    """

    id: str
    asks: str
    state: State
    where: str = ""
    proof: tuple[str, ...] = ()
    missing: str = ""

    @property
    def section(self) -> str:
        """The id of its section."""
        return self.id.partition(".")[0]

    @classmethod
    def from_row(cls, row: Any) -> Clause:
        """Read one clause.

        Raises:
            ValueError: When a key is missing, unknown, of another type, or does not go with the
                state.
        """
        name = row.get("id") if isinstance(row, dict) else row
        try:
            state = State(row["state"])
            wanted = {"id", "asks", "state"} | _SAID[state]
        except (KeyError, TypeError, ValueError):
            states = ", ".join(State)
            raise ValueError(f"standard.yml: {name}: its state is none of {states}") from None
        if odd := sorted(wanted ^ row.keys()):
            raise ValueError(f"standard.yml: {name}: what is {state} says {sorted(wanted)}: {odd}")
        for key, value in row.items():
            texts = value if key == "proof" else [value]
            if not (isinstance(texts, list) and texts and all(map(_is_text, texts))):
                raise ValueError(f"standard.yml: {name}: {key} is {value!r}")
        return cls(**{**row, "state": state, "proof": tuple(row.get("proof", ()))})


@dataclass(frozen=True, slots=True)
class Standard:
    """All clauses, in the order of their sections, and what the sections are called."""

    sections: Mapping[str, str]
    clauses: tuple[Clause, ...]

    def of(self, section: str) -> tuple[Clause, ...]:
        """Give the clauses of a section."""
        return tuple(clause for clause in self.clauses if clause.section == section)

    def count(self, state: State) -> int:
        """Count the clauses in a state."""
        return sum(clause.state is state for clause in self.clauses)

    @classmethod
    def read(cls, text: str = "") -> Standard:
        """Read the standard as this version has it, or another text like it.

        Raises:
            ValueError: When it is not one; the message says which clause and what.
        """
        said = yaml.safe_load(text or (files("scaffold") / "standard.yml").read_text("utf-8"))
        if not isinstance(said, dict) or said.keys() != {"sections", "clauses"}:
            raise ValueError("standard.yml: it has sections and clauses, and nothing else")
        sections: dict[str, str] = said["sections"]
        clauses = tuple(Clause.from_row(row) for row in said["clauses"])
        known: set[str] = set()
        for clause in clauses:
            if not _ID.fullmatch(clause.id) or clause.section not in sections:
                raise ValueError(f"standard.yml: {clause.id}: not SECTION.NAME of a section")
            if clause.id in known:
                raise ValueError(f"standard.yml: {clause.id}: there are two of it")
            known.add(clause.id)
        return cls(sections, tuple(sorted(clauses, key=lambda c: [*sections].index(c.section))))
