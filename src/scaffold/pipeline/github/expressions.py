"""Expressions of workflows: whether a condition holds, what a name stands for, what is named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from scaffold.pipeline.expression import UNKNOWN, evaluate
from scaffold.pipeline.source import text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scaffold.pipeline.github.events import Call, Context


def holds(
    condition: str,
    contexts: list[Context],
    values: Mapping[str, Any] | None = None,
    *,
    failed: bool = False,
) -> bool | None:
    """Tell whether a condition holds in any of the contexts; None when nobody can tell."""
    if not condition:
        return True
    found = {
        evaluated(condition, {**context, **(values or {})}, failed=failed) for context in contexts
    }
    return True if True in found else None if None in found else False


def evaluated(condition: str, values: Mapping[str, Any], *, failed: bool) -> bool | None:
    """Evaluate a condition for one context; None when nobody can tell."""
    bare = re.sub(r"\$\{\{(.*?)\}\}", r"(\1)", condition, flags=re.DOTALL)

    def value(name: str) -> Any:
        if name in values:
            return values[name]
        event = values.get("github.event_name")
        for prefix, owner in _OWNERS.items():
            if name.startswith(prefix) and event not in owner:
                return None  # what an event does not have is empty
        return UNKNOWN

    functions: dict[str, Callable[..., Any]] = {
        "always": lambda: True,
        "success": lambda: not failed,
        "failure": lambda: failed,
        "cancelled": lambda: False,
        "startswith": lambda a, b: _lower(a).startswith(_lower(b)),
        "endswith": lambda a, b: _lower(a).endswith(_lower(b)),
        "contains": lambda a, b: _lower(b) in _lower(a),
    }
    return evaluate(bare, value, functions)


#: What only some events have.
_OWNERS = {
    "github.event.pull_request.": {"pull_request", "pull_request_target"},
    "github.event.workflow_run.": {"workflow_run"},
    "github.event.release.": {"release"},
    "github.event.schedule": {"schedule"},
    "github.event.inputs.": {"workflow_dispatch", "repository_dispatch"},
    "inputs.": {"workflow_dispatch", "repository_dispatch"},
}


def both(one: str, other: str) -> str:
    """Give two conditions that must hold together, one a line."""
    return "\n".join(filter(None, [one, other]))


def _lower(value: Any) -> str:
    return str("" if value is None else value).lower()


def runs_anyway(condition: str) -> bool:
    """Tell whether a condition replaces the `success()` that is otherwise implied."""
    return bool(re.search(r"\b(?:always|failure|cancelled)\s*\(", condition))


_INSERTED = re.compile(r"\$\{\{\s*(inputs|secrets)\.([\w-]+)\s*\}\}")
_BARE = re.compile(r"\binputs\.([\w-]+)")


def condition_of(value: Any, call: Call) -> str:
    """Give a condition, with what a caller gave in the place of its name."""

    def quoted(match: re.Match[str]) -> str:
        found = call.inputs.get(match[1])
        if found is None or "${{" in found:
            return match[0]
        return found if found in {"true", "false"} else "'" + found.replace("'", "''") + "'"

    return _BARE.sub(quoted, text(value))[:65_536]


def substituted(value: str, call: Call) -> str:
    """Put what a caller gave in the place of its name."""
    if "inputs." not in value and "secrets." not in value:
        return value

    def given(match: re.Match[str]) -> str:
        table = call.inputs if match[1] == "inputs" else call.secrets
        return table.get(match[2], match[0])

    return _INSERTED.sub(given, value)[:65_536]


_NAMED = re.compile(r"\b(secrets|vars)(?:\.([A-Za-z_][\w-]*)|\[\s*'([^']+)'\s*\])")


def mentioned(texts: list[str]) -> tuple[set[str], set[str]]:
    """Give the secrets and the settings that texts name in expressions."""
    secrets: set[str] = set()
    variables: set[str] = set()
    for each in texts:
        bare = each if "${{" in each else ""
        for match in _NAMED.finditer(bare):
            (secrets if match[1] == "secrets" else variables).add(match[2] or match[3])
        if re.search(r"\bgithub\.token\b", bare):
            secrets.add("GITHUB_TOKEN")
    return secrets, variables
