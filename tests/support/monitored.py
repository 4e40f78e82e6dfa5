"""Modules of the engine that need no host, in the process of the test."""

from __future__ import annotations

import shutil
from functools import cache
from types import SimpleNamespace
from typing import Any

from conftest import ENGINE, TEMPLATE
from process import Engine, scratch

#: What it stands on.
LAYERS = {
    ".": (
        "contacts", "errors", "git", "http", "news", "platform", "process", "tasks", "variables",
    ),
    "{{ use.ci.github }}": ("pipeline",),
    "{{ use.trait.image }}": ("alerts",),
}  # fmt: skip


def alerts() -> Any:
    """Give the one that reads the table of alerts."""
    return loaded().modules["alerts"]


@cache
def loaded() -> Engine:
    """Load them, and what they stand on."""
    made = Engine("engine_alerts", SimpleNamespace)
    folder = scratch() / made.name
    folder.mkdir()
    for layer, names in LAYERS.items():
        for name in names:
            shutil.copy(TEMPLATE.files_root / layer / ENGINE / f"{name}.py", folder)
    made.load(folder)
    return made
