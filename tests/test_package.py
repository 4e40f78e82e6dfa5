"""What is installed works anywhere: the wheel carries the template and its history."""

from __future__ import annotations

import json
import pkgutil
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import copier
import pytest
from conftest import ROOT, tree

import scaffold

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
    run("git", "remote", "set-url", "origin", folder, cwd=folder)
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


def build_wheel(source: Path, folder: Path) -> Path:
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source,
        cwd=folder)  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    return wheel


def new(installed: Path, folder: Path, *args: str) -> Path:
    run(installed, "new", "my-service", "--no-lock", "--no-git", *args, cwd=folder)
    return folder / "my-service"


@pytest.mark.parametrize("stack", ["node", "python"])
def test_it_renders_the_version_it_was_built_from(
    stack: str, installed: Path, clone: Path, tmp_path: Path
) -> None:
    answers = {"stack": stack}
    copier.run_copy(
        str(clone), tmp_path / "copier", answers, defaults=True, quiet=True, unsafe=False
    )
    ours = tree(new(installed, tmp_path, f"--data=stack={stack}"))
    assert ours == tree(tmp_path / "copier")
    assert "SECOND.md" in ours
    assert "UNCOMMITTED.md" not in ours
    written = ours[".copier-answers.yml"][0].decode().splitlines()
    assert {"_commit: v0.0.2", f"_src_path: {clone}"} <= set(written)


def test_the_standard_comes_with_it(installed: Path, tmp_path: Path) -> None:
    read = "from scaffold.standard import Standard; print(len(Standard.read().clauses))"
    assert int(run(installed.with_name("python"), "-c", read, cwd=tmp_path)) > 0


def test_plain_copier_updates_what_it_made(installed: Path, clone: Path, tmp_path: Path) -> None:
    project = new(installed, tmp_path, "--ref", "v0.0.1")
    run("git", "init", "--quiet", cwd=project)
    run("git", "add", "--all", cwd=project)
    run("git", "commit", "--quiet", "--message", "start", cwd=project)
    copier.run_update(project, defaults=True, overwrite=True, quiet=True, unsafe=False)
    copier.run_copy(str(clone), tmp_path / "copier", defaults=True, quiet=True)
    assert tree(project) == tree(tmp_path / "copier")


def test_it_records_an_address_without_its_password(clone: Path, tmp_path: Path) -> None:
    run("git", "clone", "--quiet", clone, tmp_path / "other", cwd=tmp_path)
    run("git", "remote", "set-url", "origin", "https://user:secret@git.example/scaffold.git",
        cwd=tmp_path / "other")  # fmt: skip
    wheel = build_wheel(tmp_path / "other", tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        origin = json.loads(archive.read("scaffold/_template/origin.json"))
    assert origin == {"source": "https://git.example/scaffold.git", "commit": "v0.0.2"}


def test_it_renders_an_older_version_from_its_history(installed: Path, tmp_path: Path) -> None:
    project = new(installed, tmp_path, "--ref", "v0.0.1")
    assert not (project / "SECOND.md").exists()
    assert "_commit: v0.0.1" in (project / ".copier-answers.yml").read_text()


def test_it_updates_what_an_older_one_made_with_nothing_but_itself(
    installed: Path, clone: Path, tmp_path: Path
) -> None:
    """Wherever the template's repository was, it need not be reached."""
    project = new(installed, tmp_path, "--ref", "v0.0.1")
    run("git", "init", "--quiet", cwd=project)
    run("git", "add", "--all", "--force", cwd=project)
    run("git", "commit", "--quiet", "--message", "start", cwd=project)
    away = clone.rename(clone.with_name("away"))
    try:
        run(installed, "update", project, cwd=tmp_path)
    finally:
        away.rename(clone)
    (tmp_path / "fresh").mkdir()
    assert tree(project) == tree(new(installed, tmp_path / "fresh"))


def test_its_history_is_a_bundle_that_copier_reads(installed: Path, tmp_path: Path) -> None:
    script = "from scaffold.template import source; print(source.EMBEDDED)"
    site = run(installed.parent / "python", "-c", script, cwd=tmp_path).strip()
    copier.run_copy(
        f"{site}/history.bundle", tmp_path / "copier", vcs_ref="v0.0.1", defaults=True, quiet=True
    )
    assert (tmp_path / "copier/Dockerfile").is_file()
    assert json.loads(Path(site, "origin.json").read_text())["commit"] == "v0.0.2"


def test_without_git_it_carries_the_template_and_no_history(clone: Path, tmp_path: Path) -> None:
    shutil.copytree(clone, tmp_path / "archive", ignore=shutil.ignore_patterns(".git"))
    source = "https://git.example/scaffold.git"
    with (tmp_path / "archive/pyproject.toml").open("a") as manifest:
        manifest.write(f'\n[project.urls]\nSource = "{source}"\n')
    wheel = zipfile.ZipFile(build_wheel(tmp_path / "archive", tmp_path))
    names = wheel.namelist()
    origin = json.loads(wheel.read("scaffold/_template/origin.json"))
    assert origin == {"source": source, "commit": None}
    assert "scaffold/_template/template/project/SECOND.md" in names
    assert "scaffold/_template/history.bundle" not in names


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
    names = zipfile.ZipFile(wheel).namelist()
    assert "scaffold/_template/copier.yml" in names
    assert "scaffold/_template/history.bundle" in names
    assert "scaffold/_template/template/project/SECOND.md" in names


def test_every_module_can_be_the_first_that_is_imported() -> None:
    """In tests that fork for the command line, every other one is there already."""
    found = pkgutil.walk_packages(scaffold.__path__, "scaffold.")
    for module in (it.name for it in found if not it.name.endswith("__main__")):
        run(sys.executable, "-c", f"import {module}", cwd=Path.cwd())
