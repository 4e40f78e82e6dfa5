"""Two whole projects, kept as files so that a review shows what a change does to them.

`MANIFEST` names every file, its mode and where it comes from. Those that are copied as they are
need no second copy; those that are rendered lie beside it.

After a change that is meant: `UPDATE_GOLDEN=1 pytest tests/template/test_golden.py`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from conftest import TEMPLATE

from scaffold.template.answers import resolve
from scaffold.template.renderer import render

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
def test_a_project_is_what_it_was(profile: str) -> None:
    kept = GOLDEN / profile
    files = render(TEMPLATE, resolve(TEMPLATE, PROFILES[profile]))
    manifest = "".join(
        f"{'755' if file.executable else '644'} {file.path}  <- {file.origin}\n" for file in files
    )
    golden = {"MANIFEST": manifest.encode()} | {
        f"files/{file.path}": file.content for file in files if file.origin.suffix == ".jinja"
    }
    if os.environ.get("UPDATE_GOLDEN"):
        shutil.rmtree(kept, ignore_errors=True)
        for name, content in golden.items():
            (kept / name).parent.mkdir(parents=True, exist_ok=True)
            (kept / name).write_bytes(content)
    assert golden == {
        path.relative_to(kept).as_posix(): path.read_bytes()
        for path in kept.rglob("*")
        if path.is_file()
    }
