"""Every host and CI provider of the catalogue, as the type checker sees it with the core."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from conftest import ENGINE, TEMPLATE, pairwise, rendered

from scaffold import project
from scaffold.template.answers import resolve
from scaffold.template.renderer import targets

pytestmark = pytest.mark.slow
#: Axes whose options meet in the engine.
JOINED = ("stack", "ci", "hosting", "secrets", "database")


@cache
def assemblies() -> list[dict[str, str]]:
    """Give projects that have each file of the engine, whichever layer it comes from.

    A file depends on two options at most: with three, it would be in none of them, and told below.
    """
    seen: set[tuple[str, str]] = set()
    found = []
    rows = [*pairwise(*JOINED)]
    # What watches over a service knows nothing of those.
    for axis, options in TEMPLATE.catalog.axes.items():
        rows += [{axis: option.id} for option in options if axis not in JOINED]
    for row in rows:
        parts = {
            (path.as_posix(), origin.as_posix())
            for path, origin in targets(TEMPLATE, resolve(TEMPLATE, row)).items()
            if path.is_relative_to(ENGINE)
        }
        if not parts <= seen:
            seen |= parts
            found.append(row)
    there = TEMPLATE.files_root.rglob(f"{ENGINE}/*.py")
    assert {origin for _, origin in seen} == {
        path.relative_to(TEMPLATE.root).as_posix() for path in there
    }
    return found


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for what the checker found out about the library and the core."""
    return tmp_path_factory.mktemp("mypy")


def check(row: dict[str, str], folder: Path, kept: Path, *edits: tuple[str, str, str]) -> str:
    """Check the engine of a project, after edits: of which module, a pattern, what comes there."""
    project.write(rendered(*row.items()), folder)
    engine = folder / ENGINE
    if not (engine / "broken.py").exists():  # no drill there, whose task is there all the same
        for file in rendered():
            if file.path.name in {"broken.py", "image.py"} and not (folder / file.path).exists():
                (folder / file.path).write_bytes(file.content)
    for name, pattern, new in edits:
        text, times = re.subn(pattern, new, (engine / name).read_text("utf-8"), count=1)
        assert times, (name, pattern)
        (engine / name).write_text(text, "utf-8")
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-version=3.10", "--config-file="]
    done = subprocess.run(
        [*mypy, f"--cache-dir={kept}", f"--package={engine.name}"],
        cwd=engine.parent, check=False, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout if done.returncode else ""


def test_every_host_and_every_provider_fits_the_core(tmp_path: Path, kept: Path) -> None:
    assert assemblies()
    for number, row in enumerate(assemblies()):
        assert check(row, tmp_path / str(number), kept) == "", row


def test_a_python_project_may_check_all_that_it_has(tmp_path: Path, kept: Path) -> None:
    """Ours names what it checks; one that was adopted may say `mypy .`, with its own Python."""
    answers = {"stack": "python", "hosting": "fly"}
    project.write(rendered(*answers.items()), tmp_path)
    mypy = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        f"--cache-dir={kept}",
        "ops",
    ]
    done = subprocess.run(mypy, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (("host.py", r"def freeze\(", "def melt("), "freeze"),
        (("host.py", r"def url\(self\) -> str:", "def url(self) -> int:"), "def url"),
        (("host.py", r"(def deploy\(self, commit: str), image: str", r"\1"), "def deploy"),
        (("pipeline.py", r"(?m)^SETTINGS\b", "KEPT"), '"SETTINGS"'),
    ],
    ids=["no method", "another type", "an argument less", "no constant"],
)
def test_what_does_not_fit_is_red(
    tmp_path: Path, kept: Path, edit: tuple[str, str, str], said: str
) -> None:
    row = assemblies()[0]
    assert said in check(row, tmp_path / "it", kept, edit)
