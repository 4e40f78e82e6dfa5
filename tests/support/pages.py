"""Pages of the documentation that tests write: tables of what ran."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from locks import locked


def recorded(page: Path, change: Callable[[str], str]) -> None:
    """Hold a page to what a run gives, or write that into it, with UPDATE_TABLES=1."""
    with locked(page, "r+") as handle:
        text = handle.read()
        made = change(text)
        if not os.environ.get("UPDATE_TABLES"):
            assert made == text, "run it with UPDATE_TABLES=1"
            return
        handle.seek(0)
        handle.truncate()
        handle.write(made)
