"""Who a path of a project belongs to: the template, or whoever works in the project."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml
from pathspec import PathSpec

from scaffold.errors import ScaffoldError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Where a project says what is to be left alone. It is beside the answers file.
FILE = PurePosixPath(".scaffold.yml")

_HEADER = """\
# What `scaffold update` leaves alone in this project.
# keep: paths that are yours, as patterns like those of .gitignore; with `#key`, a manifest's key.
# deleted: files of the template that you removed; they do not come back.
"""


#: `/package.json#scripts`: one key of a manifest.
_KEY = re.compile(r"/?(?P<path>[^#]+\.(json|toml|ya?ml))#(?P<key>[^#]+)")


class Owner(StrEnum):
    """Who decides over a path."""

    #: The template and you: updates merge what both change.
    MANAGED = "managed"
    #: Written once, yours ever since.
    SEED = "seed"
    #: Listed under `keep:`, or deleted: updates do not touch it.
    YOURS = "yours"


@dataclass(frozen=True)
class Ownership:
    """Who owns what.

    Attributes:
        keep: Patterns of paths that are yours, and `path#key` for single keys of manifests.
        deleted: Files of the template that were deleted.
        seeds: Patterns of paths that the template writes only once (`_skip_if_exists`).
        answers: The answers file. It is no project without, so it is never yours alone.
    """

    keep: tuple[str, ...] = ()
    deleted: frozenset[PurePosixPath] = frozenset()
    seeds: tuple[str, ...] = ()
    answers: PurePosixPath | None = None
    _keep: PathSpec[Any] = field(init=False, repr=False, compare=False)
    _seeds: PathSpec[Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the patterns, once."""
        patterns = [item for item in self.keep if not _KEY.fullmatch(item)]
        patterns += [f"!{pattern(self.answers)}"] if self.answers else []
        object.__setattr__(self, "_keep", PathSpec.from_lines("gitignore", patterns))
        object.__setattr__(self, "_seeds", PathSpec.from_lines("gitignore", self.seeds))

    def of(self, path: PurePosixPath) -> Owner:
        """Tell who owns a path."""
        if path in self.deleted or self._keep.match_file(path):
            return Owner.YOURS
        return Owner.SEED if self._seeds.match_file(path) else Owner.MANAGED

    @property
    def keys(self) -> dict[PurePosixPath, frozenset[str]]:
        """The top-level keys that are yours, for each manifest that has any."""
        keys: dict[PurePosixPath, frozenset[str]] = {}
        for match in filter(None, map(_KEY.fullmatch, self.keep)):
            path = PurePosixPath(match["path"])
            keys[path] = keys.get(path, frozenset()) | {match["key"]}
        return keys

    def reason(self, path: PurePosixPath) -> str:
        """Say in a few words why updates leave a path alone; nothing when they do not."""
        if path in self.deleted:
            return "you deleted it"
        if self._keep.match_file(path):
            return f"yours, as {FILE} says"
        return "a seed, yours since it was written" if self._seeds.match_file(path) else ""


def parsed(text: str, seeds: Iterable[str], answers: PurePosixPath | None = None) -> Ownership:
    """Read a project's settings.

    Args:
        text: What is in its `.scaffold.yml`.
        seeds: What its template writes only once.
        answers: Its answers file, which no pattern covers.

    Raises:
        ScaffoldError: When they are not what they should be.
    """
    try:
        found = yaml.safe_load(text) or {}
        problem = _problem(found)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())
    if problem:
        raise ScaffoldError(
            f"{FILE} cannot be read: {problem}.",
            "It takes two lists of paths: keep and deleted.",
        )
    return Ownership(
        tuple(found.get("keep", ())),
        frozenset(map(PurePosixPath, found.get("deleted", ()))),
        tuple(seeds),
        answers,
    )


def _problem(found: object) -> str:
    if not isinstance(found, dict):
        return "it is no mapping"
    for key, value in found.items():
        if key not in {"keep", "deleted"}:
            return f"there is no setting {key!r}"
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return f"{key} is no list of paths"
    return ""


def pattern(path: PurePosixPath) -> str:
    """Give the pattern that matches a path and nothing else."""
    return "/" + re.sub(r"([\\*?\[])", r"\\\1", str(path))


def written(
    text: str,
    keep: Iterable[str] = (),
    deleted: Iterable[PurePosixPath] = (),
    *,
    returned: Iterable[PurePosixPath] = (),
) -> str:
    """Add to a project's settings, or take from them, and leave the rest as somebody wrote it.

    Args:
        text: The settings so far; empty when there are none.
        keep: Patterns to add.
        deleted: Deleted files to add.
        returned: Paths that belong to the template again.
    """
    from scaffold.documents import merging  # noqa: PLC0415  # rarely needed

    settings = yaml.safe_load(text) or {}
    back = set(map(str, returned))
    for key, items in (("keep", keep), ("deleted", sorted(map(str, deleted)))):
        now = [i for i in settings.get(key, ()) if i.partition("#")[0].lstrip("/") not in back]
        settings[key] = list(dict.fromkeys([*now, *items]))
    plain = "".join(
        f"{key}:\n" + "".join(f"  - {_scalar(item)}\n" for item in items)
        for key, items in settings.items()
        if items
    )
    if not text:
        return _HEADER + plain
    before = text.encode()
    # Only we have changed anything, so this is an edit that leaves comments where they are.
    edited = merging.merge(FILE, before, before, plain.encode())
    if edited is not None:
        return edited.decode()
    return (_HEADER if yaml.safe_load(text) else text) + plain


def _scalar(text: str) -> str:
    return yaml.safe_dump(text, width=2**16, allow_unicode=True).removesuffix("...\n").strip()
