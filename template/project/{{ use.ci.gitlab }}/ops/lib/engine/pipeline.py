"""GitLab CI, as the tasks know it."""

from __future__ import annotations

from collections.abc import Mapping

SETTINGS = "Settings → CI/CD → Variables of the project"


def run_address(environment: Mapping[str, str]) -> str:
    """Give the address of a pipeline, or the empty string; a job that is started again belongs to it."""
    return environment.get("CI_PIPELINE_URL", "")


def push_command(branch: str, tag: str) -> str:
    """Give what has to be pushed for a tag, of a commit of a branch, to be deployed."""
    return f"git push --atomic origin {branch} {tag}"
