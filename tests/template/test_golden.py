"""Two whole projects, kept as files so that a review shows what a change does to them.

After a change that is meant: `UPDATE_GOLDEN=1 pytest tests/template/test_golden.py`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from conftest import Render, tree

GOLDEN = Path(__file__).parents[1] / "golden"
PROFILES = {
    "github-fly": {"ci": "github", "hosting": "fly", "license": "proprietary"},
    "gitlab-render": {
        "project_name": "orders",
        "description": 'Takes orders, "as they come"',
        "owner": "Team Søren & Co",
        "ci": "gitlab",
        "hosting": "render",
        "license": "mit",
    },
}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_project_is_what_it_was(profile: str, render: Render) -> None:
    project, kept = render(**PROFILES[profile]), GOLDEN / profile
    if os.environ.get("UPDATE_GOLDEN"):
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(project, kept)
    assert tree(project) == tree(kept)
