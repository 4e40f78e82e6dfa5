"""What single keys of a workflow say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from scaffold.pipeline.github.expressions import substituted
from scaffold.pipeline.source import items, mapping, text

if TYPE_CHECKING:
    from scaffold.pipeline.github.events import Call


def local(uses: str) -> str:
    """Give the path of what is in this repository, or nothing."""
    if not uses.startswith(("./", "$/")):
        return ""
    return uses[2:].partition("@")[0].strip("/") or "."


def permissions_of(value: Any) -> tuple[tuple[str, str], ...] | None:
    """Give what a job may do; None when that is not said."""
    if value is None:
        return None
    if isinstance(value, dict):
        return tuple(sorted((key, text(each)) for key, each in value.items()))
    return (("*", text(value).removesuffix("-all")),)


def unchecked(step: dict[str, Any], shell: str) -> str:
    """Find a shell of one's own that goes on after a failure."""
    used = text(step.get("shell")) or shell
    if step.get("run") and re.match(r"(?:\S*/)?(?:ba|z|da|k)?sh\b", used) and "{0}" in used:
        return "" if re.search(r" -\w*e|errexit", used) else f"shell: {used}"
    return ""


def copies(job: dict[str, Any]) -> int:
    """Count how often a job runs by its matrix; 0 when that is computed."""
    matrix = mapping(job.get("strategy")).get("matrix")
    if matrix is None:
        return 1
    axes = [v for k, v in mapping(matrix).items() if k not in {"include", "exclude"}]
    if not isinstance(matrix, dict) or not all(isinstance(axis, list) for axis in axes):
        return 0
    count = 1 if axes else len(items(matrix.get("include")))
    for axis in axes:
        count *= len(axis)
    return max(count - len(items(matrix.get("exclude"))), 0)


def inputs_of(value: Any, call: Call) -> tuple[tuple[str, str], ...]:
    """Give what a step or a called workflow is given."""
    return tuple(
        sorted((key, substituted(text(each), call)) for key, each in mapping(value).items())
    )


def tolerated_by(part: dict[str, Any], call: Call) -> str:
    """Say what makes a failure not count; nothing when it does."""
    value = substituted(text(part.get("continue-on-error")), call)
    bare = re.sub(r"\$\{\{\s*(.*?)\s*\}\}", r"\1", value)
    return "" if bare in {"", "false"} else f"continue-on-error: {value}"
