"""What is installed works anywhere: the wheel carries the template and its history."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import copier
import pytest
from conftest import ROOT, tree

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone of this repository, with the two versions v0.0.1 and v0.0.2 on top."""
    folder = tmp_path_factory.mktemp("fresh") / "scaffold"
    run("git", "clone", "--quiet", ROOT, folder, cwd=ROOT)
    run("git", "tag", "v0.0.1", cwd=folder)
    (folder / "template/project/SECOND.md").write_text("# Second\n")
    run("git", "add", "--all", cwd=folder)
    run("git", "commit", "--quiet", "--message", "second", cwd=folder)
    run("git", "tag", "v0.0.2", cwd=folder)
    run("git", "remote", "set-url", "origin", "https://user:secret@git.example/scaffold.git",
        cwd=folder)  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def installed(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; the clone's uncommitted change is not in it."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=True)
    (clone / "template/project/UNCOMMITTED.md").write_text("# Not in the wheel\n")
    run(folder / "bin/pip", "install", "--quiet", clone, cwd=folder)
    (clone / "template/project/UNCOMMITTED.md").unlink()
    return folder / "bin/scaffold"


def new(installed: Path, folder: Path, *args: str) -> Path:
    run(installed, "new", "my-service", "--no-lock", "--no-git", *args, cwd=folder)
    return folder / "my-service"


def test_it_renders_the_version_it_was_built_from(
    installed: Path, clone: Path, tmp_path: Path
) -> None:
    copier.run_copy(str(clone), tmp_path / "copier", defaults=True, quiet=True, unsafe=False)
    ours, theirs = tree(new(installed, tmp_path)), tree(tmp_path / "copier")
    answers = [
        files.pop(".copier-answers.yml")[0].decode().splitlines() for files in (ours, theirs)
    ]
    assert ours == theirs
    assert "SECOND.md" in ours
    assert "_commit: v0.0.2" in answers[0]
    assert "_src_path: https://git.example/scaffold.git" in answers[0], "no password is recorded"
    differing = set(answers[0]) ^ set(answers[1])
    assert {line.split(":")[0] for line in differing} == {"_src_path"}


def test_it_renders_an_older_version_from_its_history(installed: Path, tmp_path: Path) -> None:
    project = new(installed, tmp_path, "--ref", "v0.0.1")
    assert not (project / "SECOND.md").exists()
    assert "_commit: v0.0.1" in (project / ".copier-answers.yml").read_text()


def test_its_history_is_a_bundle_that_copier_reads(installed: Path, tmp_path: Path) -> None:
    script = "from scaffold import template; print(template.EMBEDDED)"
    site = run(installed.parent / "python", "-c", script, cwd=tmp_path).strip()
    copier.run_copy(
        f"{site}/history.bundle", tmp_path / "copier", vcs_ref="v0.0.1", defaults=True, quiet=True
    )
    assert (tmp_path / "copier/Dockerfile").is_file()
    assert json.loads(Path(site, "origin.json").read_text())["commit"] == "v0.0.2"


def test_without_git_it_carries_the_template_and_no_history(clone: Path, tmp_path: Path) -> None:
    shutil.copytree(clone, tmp_path / "archive", ignore=shutil.ignore_patterns(".git"))
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path,
        tmp_path / "archive", cwd=tmp_path)  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    names = run(sys.executable, "-m", "zipfile", "--list", wheel, cwd=tmp_path)
    assert "scaffold/_template/template/project/SECOND.md" in names
    assert "history.bundle" not in names


def test_an_sdist_gives_the_same_wheel(clone: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "pip", "install", "--quiet", "--target", tmp_path / "build", "build",
        "hatchling", cwd=tmp_path)  # fmt: skip
    script = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); "
        "import build.__main__ as b; b.main(sys.argv[1:])"
    )
    run(sys.executable, "-c", script, tmp_path / "build", "--outdir", tmp_path / "dist", clone,
        cwd=tmp_path)  # fmt: skip
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = run(sys.executable, "-m", "zipfile", "--list", wheel, cwd=tmp_path)
    assert "scaffold/_template/copier.yml" in names
    assert "scaffold/_template/history.bundle" in names
    assert "scaffold/_template/template/project/SECOND.md" in names
