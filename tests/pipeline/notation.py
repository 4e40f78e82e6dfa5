"""A repository's files as a test writes them, and what the model makes of them."""

from __future__ import annotations

from textwrap import dedent

from scaffold.pipeline import Job, Pipeline, Trigger, read


def pipeline(files: dict[str, str]) -> Pipeline:
    """Read files from indented text."""
    return read({path: dedent(content).encode() for path, content in files.items()})


def run(found: Pipeline, trigger: str) -> tuple[Job, ...]:
    """Give the jobs that run after a trigger."""
    return found.run(Trigger(trigger))


def ids(found: Pipeline, trigger: str) -> list[str]:
    """Name the jobs that run after a trigger."""
    return [job.id for job in run(found, trigger)]


def job(found: Pipeline, name: str, trigger: str) -> Job:
    """Find a job by its id."""
    return next(job for job in run(found, trigger) if job.id == name)


def gates(found: Pipeline, name: str, trigger: str) -> list[str]:
    """Name the jobs that must have passed before one starts."""
    return [each.id for each in found.gates(job(found, name, trigger), Trigger(trigger))]
