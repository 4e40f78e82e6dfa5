"""Render's builds, as the tasks know them: an environment follows a branch."""

from __future__ import annotations

from collections.abc import Mapping

SETTINGS = "Environment, in the service"


def run_address(environment: Mapping[str, str]) -> str:
    """Give the address of a run: nothing runs our tasks."""
    del environment
    return ""


def push_command(branch: str, tag: str) -> str:
    """Give what has to be pushed for a tag, of a commit of a branch, to be deployed."""
    stage = "testbed" if "-" in tag else "live"
    return f"git push --atomic origin {branch} {tag} {tag}^{{}}:refs/heads/{stage}"
