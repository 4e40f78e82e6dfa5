"""Pipelines of every provider, read from a repository's files into one model.

Nothing is run, and no file is read but those that are handed in. Each provider is a module with a
`read`; what its files say that the model has no word for ends up in `Pipeline.unread`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from scaffold.pipeline import bitbucket, github, gitlab, render_host, shell, vercel
from scaffold.pipeline.model import (
    STAGES,
    Concurrency,
    Job,
    Pipeline,
    Step,
    Swallowed,
    Trigger,
    merged,
)
from scaffold.providers import unread
from scaffold.wording import brief

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "STAGES",
    "Concurrency",
    "Job",
    "Pipeline",
    "Step",
    "Swallowed",
    "Trigger",
    "read",
    "unread",
]

#: Each has a `read(files, branch, notes)`: it takes what this module's `read` takes, gives jobs,
#: adds a line to `notes` for whatever it did not understand, and raises ScaffoldError for what is
#: no YAML or JSON at all.
READERS = (github, gitlab, bitbucket, render_host, vercel)


#: Where CI providers without a reader look.
_OTHERS = re.compile(
    r"\.appveyor\.yml|\.buildkite/pipeline\.ya?ml|\.circleci/config\.ya?ml|\.drone\.ya?ml|"
    r"\.(?:forgejo|gitea)/workflows/[^/]+\.ya?ml|\.semaphore/semaphore\.ya?ml|\.travis\.yml|"
    r"\.woodpecker(?:/[^/]+)?\.ya?ml|Jenkinsfile|appveyor\.yml|azure-pipelines\.ya?ml|"
    r"buildspec\.ya?ml|cloudbuild\.ya?ml"
)


def read(files: Mapping[str, bytes], branch: str = "", provider: str = "") -> Pipeline:
    """Read the pipelines of a repository.

    Args:
        files: The content of each file, by its path from the repository's root, with slashes.
            Files that no provider reads may be among them.
        branch: The default branch; without it, `main`, or `master` where only that is named.
        provider: The CI provider that was chosen for it, if that is known.

    Raises:
        ScaffoldError: When a file is no valid YAML or JSON, or larger than any pipeline.
    """
    notes = [unread(provider)] if provider and unread(provider) else []
    notes += [
        f"{path}: no reader knows this file's CI provider"
        for path in sorted(files)
        if _OTHERS.fullmatch(path)
    ]
    branch = branch or _default_branch(files)
    jobs = [job for reader in READERS for job in reader.read(files, branch, notes)]
    notes += [
        f"{job.file}: {job.id}: a command's text is too long, or nests too deep"
        for job in jobs
        if not all(shell.readable(step.run) for step in job.steps)
    ]
    return Pipeline(
        jobs=tuple(merged(_after_others(job, jobs) for job in jobs)),
        unread=tuple(dict.fromkeys(brief(note, 300) for note in notes)),
    )


_CONFIGURATION = re.compile(r"\.github/workflows/|\.gitlab|bitbucket-|render\.ya?ml$|vercel\.json$")


def _default_branch(files: Mapping[str, bytes]) -> str:
    texts = [content for path, content in files.items() if _CONFIGURATION.match(path)]
    named = {
        name
        for name in ("main", "master")
        if any(
            re.search(rb"(?<![\w./-])(?:refs/heads/)?%b(?![\w./-])" % name.encode(), t)
            for t in texts
        )
    }
    return "master" if named == {"master"} else "main"


def _after_others(job: Job, jobs: list[Job]) -> Job:
    """Put a job that waits for every check of its commit after all jobs of other providers."""
    if "*" not in job.needs:
        return job
    others = {other.id for other in jobs if other.provider != job.provider}
    return replace(job, needs=(*(name for name in job.needs if name != "*"), *sorted(others)))
