"""What `copier update` makes of a project."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import copier
import pytest
from conftest import memory
from jinja2 import Environment
from jinja2.sandbox import SandboxedEnvironment
from project import Files, files

_COMPILED: dict[tuple[object, ...], Any] = {}


def _compiled(self: SandboxedEnvironment, source: str, *args: Any, **options: Any) -> Any:
    key = (source, self.trim_blocks, self.lstrip_blocks, self.keep_trailing_newline)
    key = (*key, *args[:1], *sorted(options.items()))
    if key not in _COMPILED:
        _COMPILED[key] = Environment.compile(self, source, *args, **options)
    return _COMPILED[key]


def updated_by_copier(project: Path, to: str, **data: str) -> Files:
    """Run `copier update --defaults` in this process, and give the files of the project then.

    Each text is compiled once only; Copier would do so in every update, three times. It clones the
    template four times, and does so in memory.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", memory() or None)
        patch.setattr(SandboxedEnvironment, "compile", _compiled)
        copier.run_update(
            project, data=data, vcs_ref=to, defaults=True, overwrite=True, quiet=True, unsafe=False
        )
    return files(project)
