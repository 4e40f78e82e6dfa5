"""What `copier update` makes of a project."""

from __future__ import annotations

import tempfile
from pathlib import Path

import copier
import pytest
from compiled import compiled_once
from conftest import memory
from project import Files, files


def updated_by_copier(project: Path, to: str, **data: str) -> Files:
    """Run `copier update --defaults` in this process, and give the files of the project then.

    It clones the template four times, and does so in memory.
    """
    with compiled_once(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", memory() or None)
        copier.run_update(
            project, data=data, vcs_ref=to, defaults=True, overwrite=True, quiet=True, unsafe=False
        )
    return files(project)
