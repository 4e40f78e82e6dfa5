"""What docs/how-to/use-plain-copier.md says that `copier update` lacks, row by row, both shown."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from conftest import ROOT, Scaffold
from project import commit_all, git, repository, write
from test_update import LINES, versions

pytestmark = pytest.mark.slow  # Copier takes seconds

CHANGED = LINES.replace("line 15\n", "line fifteen\n")
SEEDS = "project_name: thing\n_subdirectory: files\n_skip_if_exists: [/seed]\n"


def copier(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["copier", "update", "--defaults", *args],
        cwd=cwd, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def both(
    tmp_path: Path,
    scaffold: Scaffold,
    old: Mapping[str, str],
    new: Mapping[str, str],
    ours: Mapping[str, str | None],
) -> tuple[Path, Path, int]:
    """Update the same edited project with either; give Copier's, ours and our exit code."""
    template = versions(tmp_path / "t", old, new, questions=SEEDS)
    project = repository(template, tmp_path / "ours")
    write(project, {path: text for path, text in ours.items() if text is not None})
    for path, text in ours.items():
        if text is None:
            (project / path).unlink()
    commit_all(project)
    shutil.copytree(project, tmp_path / "theirs")
    done = copier(cwd=tmp_path / "theirs")
    assert done.returncode == 0, done.stderr
    return tmp_path / "theirs", project, scaffold("update", "ours").returncode


def test_conflicts(tmp_path: Path, scaffold: Scaffold) -> None:
    theirs, ours, code = both(
        tmp_path, scaffold, {"a": "one\n"}, {"a": "two\n"}, {"a": "ours\n"}
    )  # and Copier's exit code was 0
    assert "<<<<<<< before updating" in (theirs / "a").read_text()
    assert code == 1
    assert "<<<<<<< yours" in (ours / "a").read_text()


def test_a_look_before(tmp_path: Path, scaffold: Scaffold) -> None:
    template = versions(tmp_path / "t", {"some-file": "one\n"}, {"some-file": "two\n"})
    project = repository(template, tmp_path / "p")
    pretended = copier("--pretend", cwd=project)
    assert "some-file" not in pretended.stdout + pretended.stderr
    assert "some-file" in scaffold("update", "p", "--dry-run").stdout


def test_a_file_that_the_template_renamed(tmp_path: Path, scaffold: Scaffold) -> None:
    edited = LINES.replace("line 3\n", "line three\n")
    theirs, ours, _ = both(tmp_path, scaffold, {"a": LINES}, {"b": CHANGED}, {"a": edited})
    assert "line three\n" not in (theirs / "b").read_text()
    assert "line three\n" in (ours / "b").read_text()


def test_a_file_that_the_template_dropped(tmp_path: Path, scaffold: Scaffold) -> None:
    theirs, ours, _ = both(tmp_path, scaffold, {"a": LINES}, {}, {"a": LINES + "ours\n"})
    assert not (theirs / "a").exists()
    assert (ours / "a").read_text() == LINES + "ours\n"


def test_a_file_with_other_line_ends(tmp_path: Path, scaffold: Scaffold) -> None:
    crlf = LINES.replace("\n", "\r\n")
    theirs, ours, code = both(tmp_path, scaffold, {"a": LINES}, {"a": CHANGED}, {"a": crlf})
    assert b"<<<<<<< before updating" in (theirs / "a").read_bytes()
    assert code == 0
    assert (ours / "a").read_bytes().decode() == CHANGED.replace("\n", "\r\n")


def test_a_seed_that_was_deleted(tmp_path: Path, scaffold: Scaffold) -> None:
    theirs, ours, _ = both(tmp_path, scaffold, {"seed": "1\n"}, {"seed": "2\n"}, {"seed": None})
    assert (theirs / "seed").exists()
    assert not (ours / "seed").exists()


def test_what_scaffold_yml_says(tmp_path: Path, scaffold: Scaffold) -> None:
    theirs, ours, _ = both(
        tmp_path, scaffold, {"a": "1\n"}, {"a": "2\n"}, {".scaffold.yml": "keep: [/a]\n"}
    )
    assert (theirs / "a").read_text() == "2\n"
    assert (ours / "a").read_text() == "1\n"


def test_a_manifest_changed_on_both_sides(tmp_path: Path, scaffold: Scaffold) -> None:
    def manifest(more: str = "") -> str:
        return '{\n  "dependencies": {\n    "a": "1"' + more + "\n  }\n}\n"

    theirs, ours, code = both(
        tmp_path,
        scaffold,
        {"package.json": manifest()},
        {"package.json": manifest(',\n    "theirs": "1"')},
        {"package.json": manifest(',\n    "ours": "1"')},
    )
    assert "<<<<<<< before updating" in (theirs / "package.json").read_text()
    assert code == 0
    assert "ours" in (ours / "package.json").read_text()
    assert "theirs" in (ours / "package.json").read_text()


def test_offline(tmp_path: Path, scaffold: Scaffold) -> None:
    project = repository(ROOT, tmp_path / "p", "HEAD")
    answers = project / ".copier-answers.yml"
    gone = "https://localhost:1/scaffold.git"
    answers.write_text(answers.read_text().replace(f"_src_path: {ROOT}", f"_src_path: {gone}"))
    commit_all(project)
    assert copier(cwd=project).returncode != 0
    assert scaffold("update", "p", "-d", "ci=gitlab").returncode == 0


def test_the_lock_file(tmp_path: Path, scaffold: Scaffold) -> None:
    """It needs the registry, as `scaffold new` does."""
    files = ROOT / "template/project/{{ use.stack.node }}"
    template = tmp_path / "t"
    shutil.copytree(ROOT / "template", template / "template")
    shutil.copy(ROOT / "copier.yml", template)
    git("init", "--quiet", "--initial-branch=main", cwd=template)
    commit_all(template)
    git("tag", "v1.0.0", cwd=template)
    manifest = template / files.relative_to(ROOT) / "package.json.jinja"
    dependency = '  "dependencies": {\n'
    manifest.write_text(
        manifest.read_text().replace(dependency, f'{dependency}    "ms": "2.1.3",\n')
    )
    commit_all(template)
    git("tag", "v2.0.0", cwd=template)
    made = scaffold("new", "ours", "--template", "t", "--ref", "v1.0.0")
    assert made.returncode == 0, made.stderr
    shutil.copytree(tmp_path / "ours", tmp_path / "theirs")
    assert copier(cwd=tmp_path / "theirs").returncode == 0
    done = scaffold("update", "ours")
    assert done.returncode == 0, done.stderr
    assert '"ms": "2.1.3"' in (tmp_path / "theirs/package.json").read_text()
    assert '"ms": "2.1.3"' not in (tmp_path / "theirs/package-lock.json").read_text()
    assert '"ms": "2.1.3"' in (tmp_path / "ours/package-lock.json").read_text()
    assert "changed   package-lock.json" in done.stdout
    # What was locked already stays at its version.
    before, after = (
        git("show", f"{side}:package-lock.json", cwd=tmp_path / "ours") for side in ("HEAD", "")
    )
    assert set(before.splitlines()) - set(after.splitlines()) == set()
