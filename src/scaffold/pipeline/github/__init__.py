"""GitHub Actions: `.github/workflows`, with the repository's own reusable workflows and actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaffold.pipeline.github.jobs import PROVIDER, Jobs
from scaffold.pipeline.model import merged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scaffold.pipeline.model import Job

__all__ = ["PROVIDER", "read"]


def read(files: Mapping[str, bytes], branch: str, notes: list[str]) -> Iterator[Job]:
    """Read all workflows."""
    yield from merged(Jobs(files, branch, notes).all())
