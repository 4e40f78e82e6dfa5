"""The last commit of a repository that no template made, as evidence of what it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from scaffold.adopt.evidence import decoded
from scaffold.git.repository import SUBMODULE, SYMLINK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import PurePosixPath

    from scaffold.files import File
    from scaffold.git.repository import Entry, Repository


@dataclass(frozen=True)
class Head:
    """The files of the last commit, in the folder that is adopted.

    Attributes:
        repository: The repository.
        files: The files of the project in it.
    """

    repository: Repository
    files: Mapping[PurePosixPath, Entry]

    @classmethod
    def of(cls, repository: Repository) -> Head:
        """Look at the folder that a repository is pointed at."""
        return cls(repository, repository.below(repository.prefix))

    @property
    def paths(self) -> Sequence[PurePosixPath]:
        """Its files, relative to the project."""
        return tuple(self.files)

    @cached_property
    def names(self) -> Mapping[str, PurePosixPath]:
        """Its files and folders by their names in lower case, which is all that some disks know."""
        places = {place for path in self.files for place in (path, *path.parents)}
        return {str(place).lower(): place for place in sorted(places, reverse=True)}

    def read(self, path: PurePosixPath) -> str:
        """Give a file's text; a link or a submodule has none."""
        return "" if self.is_odd(path) else decoded(self.blob(path))

    def is_odd(self, path: PurePosixPath) -> bool:
        """Tell whether what is at a path is a link or a submodule."""
        return self.files[path].mode in {SUBMODULE, SYMLINK}

    def blob(self, path: PurePosixPath) -> bytes:
        """Give a file's bytes."""
        return self.repository.blob(self.repository.prefix / path)

    def has(self, file: File) -> bool:
        """Tell whether it has a file of the template, byte for byte."""
        there = self.files.get(file.path)
        return bool(there and there.oid == self.repository.oid(file.content))
