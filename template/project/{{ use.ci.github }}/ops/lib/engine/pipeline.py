"""GitHub Actions, as the tasks know it."""

from __future__ import annotations

from collections.abc import Mapping

SETTINGS = "Settings → Environments of the repository"


def run_address(environment: Mapping[str, str]) -> str:
    """Give the address of a run, or the empty string; one that is started again is the same run."""
    run = environment.get("GITHUB_RUN_ID")
    where = f"{environment.get('GITHUB_SERVER_URL', '')}/{environment.get('GITHUB_REPOSITORY', '')}"
    return f"{where}/actions/runs/{run}" if run else ""


def push_command(branch: str, tag: str) -> str:
    """Give what has to be pushed for a tag, of a commit of a branch, to be deployed."""
    return f"git push --atomic origin {branch} {tag}"
