"""Bitbucket Pipelines, as the tasks know it."""

from __future__ import annotations

from collections.abc import Mapping

SETTINGS = "Repository settings → Deployments"


def run_address(environment: Mapping[str, str]) -> str:
    """Give the address of a pipeline, or the empty string; a step that is started again belongs to it."""
    number = environment.get("BITBUCKET_BUILD_NUMBER")
    return f"{environment.get('BITBUCKET_GIT_HTTP_ORIGIN', '')}/pipelines/results/{number}" if number else ""


def push_command(branch: str, tag: str) -> str:
    """Give what has to be pushed for a tag, of a commit of a branch, to be deployed."""
    return f"git push --atomic origin {branch} {tag}"
