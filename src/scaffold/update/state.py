"""Where an update that is not committed yet stands, written down for whoever comes next."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from scaffold.files import Move

if TYPE_CHECKING:
    from pathlib import Path

#: Where an update stands: files are being moved, somebody has to decide, all is done but the
#: commit, files are being moved back.
APPLYING, CONFLICTS, STAGED, ABORTING = "applying", "conflicts", "staged", "aborting"

NEXT = {
    APPLYING: "scaffold update --abort",
    CONFLICTS: "scaffold update --continue",
    STAGED: "git commit",
    ABORTING: "scaffold update --abort",
}


@dataclass(slots=True)
class State:
    """An update that is not committed yet.

    Attributes:
        phase: Where it stands.
        head: The commit that it started from.
        index: The digest of git's index then.
        title: What it is, in a few words.
        moves: What it does.
        made: Folders that it makes, in that order.
        emptied: Folders that it may leave empty and so remove, in that order, with their modes.
        conflicts: The paths that somebody has to decide about, and whether markers show where.
    """

    phase: str
    head: str
    index: str
    title: str
    moves: list[Move] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    emptied: dict[str, int] = field(default_factory=dict)
    conflicts: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> State | None:
        """Read what was written, if anything was."""
        try:
            found = json.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            return None
        found["moves"] = [Move(**move) for move in found["moves"]]
        return cls(**{key: found[key] for key in cls.__slots__})

    def write(self, file: Path) -> None:
        """Write it in one step."""
        told = {**asdict(self), "next": NEXT[self.phase]}
        fresh = file.with_name(f"{file.name}.new")
        with fresh.open("w", encoding="utf-8") as handle:
            json.dump(told, handle, indent=2)
            handle.flush()
            os.fsync(handle.fileno())
        fresh.replace(file)
