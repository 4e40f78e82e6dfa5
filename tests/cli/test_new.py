"""`scaffold new`: one command, one project."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import Scaffold, copy_template, tree

QUICK = ("--defaults", "--no-lock", "--no-git")


def test_a_name_is_enough(scaffold: Scaffold, tmp_path: Path) -> None:
    done = scaffold("new", "my-service", "--no-lock")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith(
        "Created my-service (Node, GitHub Actions, Fly.io, Proprietary): "
    )
    assert done.stdout.endswith("\nNext:\n  cd my-service\n  ops/setup\n  npm run dev\n")
    assert (tmp_path / "my-service/package.json").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["my-service"]


def test_the_first_commit_holds_everything(scaffold: Scaffold, tmp_path: Path) -> None:
    scaffold("new", "my-service", "--no-lock")
    git = ["git", "-C", str(tmp_path / "my-service")]
    log = subprocess.check_output([*git, "log", "--format=%s %D"], text=True)
    assert log.startswith("Start my-service from scaffold's template")
    assert "HEAD -> main" in log
    assert subprocess.check_output([*git, "status", "--porcelain"]) == b""
    modes = subprocess.check_output([*git, "ls-files", "--stage", "ops/deploy"], text=True)
    assert modes.startswith("100755")


def test_answers_come_from_options_then_from_a_file_then_by_default(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    (tmp_path / "answers.yml").write_text("ci: gitlab\nhosting: render\nowner: The file\n")
    done = scaffold(
        "new", "my-service", *QUICK, "--answers", "answers.yml", "-d", "hosting=fly", "--json"
    )
    answers = json.loads(done.stdout)["answers"]
    assert answers["ci"] == "gitlab"
    assert answers["hosting"] == "fly"
    assert answers["owner"] == "The file"
    assert answers["license"] == "proprietary"


def test_another_projects_answers_file_will_do(scaffold: Scaffold, tmp_path: Path) -> None:
    scaffold("new", "first", *QUICK, "-d", "ci=gitlab")
    done = scaffold("new", "second", *QUICK, "--answers", "first/.copier-answers.yml")
    assert done.returncode == 0, done.stderr
    answers = yaml.safe_load((tmp_path / "second/.copier-answers.yml").read_text())
    assert answers["project_name"] == "second"
    assert answers["ci"] == "gitlab"


def test_json_tells_all_that_happened(scaffold: Scaffold, tmp_path: Path) -> None:
    done = scaffold("new", "my-service", "--no-lock", "--json")
    report = json.loads(done.stdout)
    assert report["path"] == str(tmp_path / "my-service")
    assert report["lock"] is None
    assert len(report["commit"]) == 40
    assert report["next"] == ["cd my-service", "ops/setup", "npm run dev"]
    assert set(report["files"]) == set(tree(tmp_path / "my-service"))
    assert {"_src_path"} <= set(report["template"])


def test_into_makes_it_elsewhere(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    done = scaffold("new", "my-service", *QUICK, "--into", "services")
    assert "  cd services/my-service\n" in done.stdout
    assert (tmp_path / "services/my-service/Dockerfile").is_file()


def test_an_empty_folder_is_taken(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "my-service").mkdir()
    assert scaffold("new", "my-service", *QUICK).returncode == 0
    assert (tmp_path / "my-service/Dockerfile").is_file()


def test_the_users_umask_decides_the_modes(scaffold: Scaffold, tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        scaffold("new", "my-service", *QUICK)
    finally:
        os.umask(old)
    project = tmp_path / "my-service"
    assert project.stat().st_mode & 0o777 == 0o750
    assert (project / "package.json").stat().st_mode & 0o777 == 0o640
    assert (project / "ops/deploy").stat().st_mode & 0o777 == 0o750


def test_inside_a_repository_none_is_made(scaffold: Scaffold, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    done = scaffold("new", "my-service", "--no-lock")
    assert done.returncode == 0
    assert "is in a git repository already" in done.stderr
    assert not (tmp_path / "my-service/.git").exists()


def test_without_an_author_the_repository_waits_for_its_first_commit(
    scaffold: Scaffold, tmp_path: Path
) -> None:
    identity = [
        f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    ]
    (tmp_path / "gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    done = scaffold(
        "new", "my-service", "--no-lock", GIT_CONFIG_GLOBAL=str(tmp_path / "gitconfig"),
        **dict.fromkeys(identity, ""),
    )  # fmt: skip
    assert done.returncode == 0
    assert "no first commit yet" in done.stderr
    assert "git commit -m" in done.stderr


def test_without_git_it_says_how_to_get_it(scaffold: Scaffold, tmp_path: Path) -> None:
    done = scaffold("new", "my-service", PATH="/nonexistent")
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "Error: git is not installed, or not on PATH.",
        "  Install it (apt install git, brew install git), or use --no-git.",
    ]
    assert list(tmp_path.iterdir()) == []
    assert scaffold("new", "my-service", "--no-git", PATH="/nonexistent").returncode == 0


def test_without_npm_it_says_what_to_run(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(shutil.which("git") or "")
    done = scaffold("new", "my-service", PATH=str(tmp_path / "bin"))
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "Note: npm is not installed, so there is no package-lock.json yet.",
        "  Run ops/setup in the project once npm works; it makes package-lock.json.",
    ]


def test_offline_it_says_what_to_run(scaffold: Scaffold, tmp_path: Path) -> None:
    done = scaffold(
        "new", "my-service", npm_config_registry="http://127.0.0.1:9", npm_config_fetch_retries="0",
        npm_config_cache=str(tmp_path / "empty-cache"),
    )  # fmt: skip
    assert done.returncode == 0
    assert "Note: npm made no package-lock.json: " in done.stderr
    assert "Run ops/setup in the project once npm works" in done.stderr
    assert not (tmp_path / "my-service/package-lock.json").exists()


def test_the_lock_file_names_no_registry(scaffold: Scaffold, tmp_path: Path) -> None:
    done = scaffold("new", "my-service", "--no-git")
    assert done.returncode == 0, done.stderr
    lock = (tmp_path / "my-service/package-lock.json").read_text()
    assert json.loads(lock)["name"] == "my-service"
    assert '"integrity"' in lock
    assert "://registry" not in lock


def test_the_lock_file_does_not_wait_for_the_right_node(scaffold: Scaffold, tmp_path: Path) -> None:
    fork = copy_template(tmp_path / "fork")
    manifest = fork / "template/project/{{ use.stack.node }}/package.json.jinja"
    manifest.write_text(manifest.read_text().replace('"node": "24.x"', '"node": "99.x"'))
    done = scaffold("new", "my-service", "--no-git", "--template", "fork")
    assert done.stderr == ""
    assert '"node": "99.x"' in (tmp_path / "my-service/package-lock.json").read_text()


def test_a_template_may_come_from_a_plain_folder(scaffold: Scaffold, tmp_path: Path) -> None:
    fork = copy_template(tmp_path / "fork")
    (fork / "template/project/OURS.md").write_text("# Ours\n")
    done = scaffold("new", "my-service", *QUICK, "--template", "fork")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "my-service/OURS.md").is_file()


@pytest.fixture
def fork(tmp_path: Path) -> Path:
    """A repository with the template at v1.0.0, v1.1.0, v2.0.0rc1 and, untagged, beyond."""
    folder = copy_template(tmp_path / "fork")
    git = ["git", "-C", str(folder)]
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(folder)], check=True)
    for version in ("v1.0.0", "v1.1.0", "v2.0.0rc1", ""):
        (folder / "template/project/VERSION").write_text(f"{version or 'main'}\n")
        subprocess.run([*git, "add", "--all"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--message", version or "more"], check=True)
        if version:
            subprocess.run([*git, "tag", version], check=True)
    return folder


@pytest.mark.parametrize(
    ("ref", "version"),
    [((), "v1.1.0"), (("--ref", "v1.0.0"), "v1.0.0"), (("--ref", "main"), "main")],
    ids=["newest release", "a tag", "a branch"],
)
def test_a_template_may_come_from_a_repository(
    scaffold: Scaffold, fork: Path, tmp_path: Path, ref: tuple[str, ...], version: str
) -> None:
    done = scaffold("new", "my-service", *QUICK, "--template", str(fork), *ref)
    assert done.returncode == 0, done.stderr
    project = tmp_path / "my-service"
    assert (project / "VERSION").read_text() == f"{version}\n"
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert answers["_src_path"] == str(fork)
    if version != "main":
        assert answers["_commit"] == version


def test_a_template_may_come_from_a_bundle(scaffold: Scaffold, fork: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "template.bundle"
    subprocess.run(
        ["git", "-C", str(fork), "bundle", "create", "--quiet", str(bundle), "HEAD", "--tags"],
        check=True,
    )
    done = scaffold("new", "my-service", *QUICK, "--template", str(bundle), "--ref", "v1.0.0")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "my-service/VERSION").read_text() == "v1.0.0\n"
