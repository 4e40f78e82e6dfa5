"""The module of the engine that reads the table of alerts, in the process of the test."""

from __future__ import annotations

import shutil
from functools import cache
from types import SimpleNamespace
from typing import Any

from conftest import ENGINE, TEMPLATE
from process import Engine, scratch

#: What it stands on.
LAYERS = {
    ".": ("contacts", "errors", "git", "http", "platform", "process", "tasks", "variables"),
    "{{ use.ci.github }}": ("pipeline",),
    "{{ use.trait.image }}": ("alerts",),
}


@cache
def alerts() -> Any:
    """Load it, and what it stands on."""
    engine = Engine("engine_alerts", SimpleNamespace)
    folder = scratch() / engine.name
    folder.mkdir()
    for layer, names in LAYERS.items():
        for name in names:
            shutil.copy(TEMPLATE.files_root / layer / ENGINE / f"{name}.py", folder)
    engine.load(folder)
    return engine.modules["alerts"]
