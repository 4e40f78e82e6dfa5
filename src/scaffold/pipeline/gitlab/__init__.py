"""GitLab CI: `.gitlab-ci.yml` and the files of the repository that it includes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaffold.pipeline.gitlab.configuration import FILE
from scaffold.pipeline.gitlab.jobs import PROVIDER, Jobs
from scaffold.pipeline.model import merged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scaffold.pipeline.model import Job

__all__ = ["PROVIDER", "read"]


def read(files: Mapping[str, bytes], branch: str, notes: list[str]) -> Iterator[Job]:
    """Read the pipeline."""
    if FILE in files:
        yield from merged(Jobs(files, branch, notes).all())
