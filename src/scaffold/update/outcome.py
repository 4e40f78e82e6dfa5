"""What a merge comes to: what changes, what somebody has to decide, what stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePosixPath

    from scaffold.git.repository import Entry


@dataclass(frozen=True, slots=True)
class Conflict:
    """A path that somebody has to decide about.

    Attributes:
        path: Where.
        kind: What happened there, in a few words.
        stages: What base (1), ours (2) and theirs (3) have there, as git's index keeps it.
    """

    path: PurePosixPath
    kind: str
    stages: Mapping[int, Entry]


@dataclass(frozen=True, slots=True)
class Change:
    """What an update does to a path.

    Attributes:
        what: `added`, `changed`, `merged`, `renamed` or `removed`.
        path: Where.
        before: Where it was, when it was renamed.
    """

    what: str
    path: PurePosixPath
    before: PurePosixPath | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A path that the template changed and an update leaves as it is.

    Attributes:
        path: Where.
        reason: Why, in a few words.
    """

    path: PurePosixPath
    reason: str


@dataclass
class Merge:
    """What a merge comes to. Paths are relative to the project.

    Attributes:
        result: What is different from ours: an entry, or None for a path that goes.
        changes: The same in words.
        conflicts: What somebody has to decide.
        kept: What was left alone although the template changed it.
        deleted: Files of the template that somebody deleted.
        keep: Files of somebody's own that the template would like to write.
    """

    result: dict[PurePosixPath, Entry | None] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    deleted: list[PurePosixPath] = field(default_factory=list)
    keep: list[PurePosixPath] = field(default_factory=list)
