"""`scaffold diff`: a project beside the version it came from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from conftest import Scaffold, tree
from small import commit, everything, git, release

NOTHING = "Nothing of the template's was changed.\n"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return release(tmp_path / "template", "v1.0.0")


@pytest.fixture
def project(scaffold: Scaffold, tmp_path: Path, template: Path) -> Path:
    done = scaffold("new", "demo", "--template", str(template), "--defaults")
    assert done.returncode == 0, done.stderr
    return tmp_path / "demo"


def patch(project: Path, *args: str) -> bytes:
    """Give what it prints, byte for byte."""
    done = subprocess.run(
        [sys.executable, "-m", "scaffold", "diff", *args],
        cwd=project,
        check=True,
        capture_output=True,
    )
    return done.stdout


def test_it_is_what_git_would_show(scaffold: Scaffold, project: Path) -> None:
    (project / "README.md").write_text(
        "# DEMO!\n\nfirst\nof our own\nsecond\nPipelines: GitHub, for Team Blue.\n"
    )
    git(project, "mv", "tool.sh", "bin.sh")
    (project / ".github/ci.yml").unlink()
    (project / "ours.txt").write_text("no concern of the template's\n")
    done = scaffold("diff", cwd=project)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == """\
diff --git a/.github/ci.yml b/.github/ci.yml
deleted file mode 100644
index 9aa4fbd..0000000
--- a/.github/ci.yml
+++ /dev/null
@@ -1,2 +0,0 @@
-on: push
-jobs: {}
diff --git a/README.md b/README.md
index d14cf3b..b0df4ef 100644
--- a/README.md
+++ b/README.md
@@ -1,5 +1,6 @@
 # DEMO!
\x20
 first
+of our own
 second
 Pipelines: GitHub, for Team Blue.
diff --git a/tool.sh b/bin.sh
similarity index 100%
rename from tool.sh
rename to bin.sh
"""
    )


def test_an_unedited_project_shows_nothing(scaffold: Scaffold, project: Path) -> None:
    done = scaffold("diff", cwd=project)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", NOTHING)


def test_git_can_apply_it_backwards(project: Path) -> None:
    written = tree(project)
    (project / "README.md").write_bytes(b"\xff\xfe caf\xe9\r\nno newline at the end")
    (project / "src/main.txt").write_bytes(b"a\0b")
    (project / "tool.sh").write_bytes((project / "tool.sh").read_bytes().replace(b"\n", b"\r\n"))
    (project / ".github/ci.yml").rename(project / os.fsdecode(b'.github/"\xff\n \xc3\xa9'))
    difference = patch(project, "--template", "../template")
    assert b"\xff\xfe caf\xe9\r\n" in difference
    assert b"Binary files" in difference
    (project / "src/main.txt").write_text("an example\n")  # not even git could
    commit(project)
    apply = ["git", "apply", "--reverse", "--whitespace=nowarn", "-"]
    subprocess.run(apply, cwd=project, input=patch(project), check=True)
    assert tree(project) == written


def test_it_may_be_of_some_paths_alone(scaffold: Scaffold, project: Path) -> None:
    (project / "README.md").write_text("mine\n")
    (project / "src/main.txt").write_text("mine\n")
    (project / ".github/ci.yml").unlink()
    (project / "lib").mkdir()
    git(project, "mv", "tool.sh", "lib/tool.sh")
    for cwd, paths, shown in (
        ("src", [], [".github/ci.yml", "README.md", "src/main.txt", "tool.sh"]),
        ("src", ["."], ["src/main.txt"]),
        (".", ["README.md", "src"], ["README.md", "src/main.txt"]),
        ("src", ["../.github/ci.yml"], [".github/ci.yml"]),
        (".", ["tool.sh"], ["tool.sh"]),
        (".", ["lib"], ["tool.sh"]),
        (".", ["lib/tool.sh"], ["tool.sh"]),
        (".", [".copier-answers.yml"], [".github/ci.yml", "README.md", "src/main.txt", "tool.sh"]),
        (".", ["."], [".github/ci.yml", "README.md", "src/main.txt", "tool.sh"]),
    ):
        done = scaffold("diff", *paths, cwd=project / cwd)
        heads = [line for line in done.stdout.splitlines() if line.startswith("diff --git a/")]
        assert sorted(head.split()[2].removeprefix("a/") for head in heads) == shown, paths
    done = scaffold("diff", "lib/other.sh", "no such", cwd=project)
    assert done.returncode == 0
    assert done.stderr == "Nothing of the template's was changed in 'lib/other.sh', 'no such'.\n"


def test_a_summary_is_enough_sometimes(scaffold: Scaffold, project: Path) -> None:
    (project / "tool.sh").write_text("#!/bin/sh\necho one\necho two\necho four\n")
    assert scaffold("diff", "--stat", cwd=project).stdout == (
        " tool.sh | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n"
    )


def test_a_project_may_be_a_folder_of_a_repository(
    scaffold: Scaffold, tmp_path: Path, template: Path
) -> None:
    git(tmp_path, "init", "--quiet", "mono")
    for name in ("one", "two"):
        scaffold("new", name, "--into", "mono", "--template", str(template), "--defaults")
    (tmp_path / "mono/one/outer.sh").write_text("x\n")
    commit(tmp_path / "mono")
    (tmp_path / "mono/one/tool.sh").rename(tmp_path / "mono/two/moved.sh")
    (tmp_path / "mono/two/README.md").unlink()
    done = scaffold("diff", "mono/one")
    assert "diff --git a/one/tool.sh b/one/tool.sh\ndeleted file mode" in done.stdout
    assert done.stdout.count("diff --git ") == 1
    done = scaffold("diff", "one/tool.sh", "two/README.md", cwd=tmp_path / "mono")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: 'two/README.md' is in another project")
    done = scaffold("diff", "one", "../template", cwd=tmp_path / "mono")
    assert done.returncode == 2
    assert "as the path before" in done.stderr


def test_nothing_that_is_configured_for_git_is_run(scaffold: Scaffold, project: Path) -> None:
    git(project, "config", "diff.external", "touch pwned")
    git(project, "config", "diff.mine.textconv", "touch pwned")
    git(project, "config", "core.pager", "touch pwned")
    git(project, "config", "diff.relative", "true")
    (project / ".gitattributes").write_text("*.md diff=mine\n")
    (project / "README.md").write_text("mine\n")
    before = everything(project)
    assert "+mine\n" in scaffold("diff", cwd=project / "src").stdout
    assert everything(project) == before


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}])
def test_on_a_terminal_it_has_colours_and_nothing_else_to_act_on(
    project: Path, variables: dict[str, str]
) -> None:
    (project / "tool.sh").write_bytes(b"\x1b]0;title\x07 \x1b[2J caf\xc3\xa9 \xff\n")
    child = pexpect.spawn(
        sys.executable, ["-m", "scaffold", "diff"], cwd=str(project), encoding="utf-8",
        env={**os.environ, **variables},
    )  # fmt: skip
    printed = child.read()
    end = "" if variables else "\x1b[m"
    cross = "\N{REPLACEMENT CHARACTER}"
    assert f"]0;title{cross} {cross}[2J café {cross}{end}\r\n" in printed
    assert ("\x1b[32m" in printed) == (not variables)
    assert "\x1b[2J" not in printed


def test_outside_of_any_project_it_says_so(scaffold: Scaffold, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "x")
    done = scaffold("diff", "sub/file")
    assert done.returncode == 2
    assert "sub/file' is in no project of scaffold's" in done.stderr
