"""`scaffold status`: where a project stands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Scaffold
from small import commit, everything, git, release

UP_TO_DATE = """\
demo
  version  v1.0.0, up to date
  files    5 of 5 as written
"""
BEHIND = """\
demo
  version  v1.0.0, behind v1.1.0
  files    5 of 5 as written

Next:
  scaffold update
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return release(tmp_path / "template", "v1.0.0")


@pytest.fixture
def project(scaffold: Scaffold, tmp_path: Path, template: Path) -> Path:
    done = scaffold("new", "demo", "--template", str(template), "--defaults")
    assert done.returncode == 0, done.stderr
    return tmp_path / "demo"


@pytest.fixture
def monorepo(scaffold: Scaffold, tmp_path: Path, template: Path) -> Path:
    """A repository with a project at `a` and one at `nested/b c`."""
    git(tmp_path, "init", "--quiet", "mono")
    for name, into in (("a", "mono"), ("b c", "mono/nested")):
        (tmp_path / into).mkdir(exist_ok=True)
        done = scaffold("new", name, "--into", into, "--template", str(template), "--defaults")
        assert done.returncode == 0, done.stderr
    commit(tmp_path / "mono")
    return tmp_path / "mono"


def test_a_new_project_is_up_to_date(scaffold: Scaffold, project: Path) -> None:
    done = scaffold("status", cwd=project)
    assert (done.returncode, done.stdout, done.stderr) == (0, UP_TO_DATE, "")


def test_a_newer_release_leaves_it_behind(
    scaffold: Scaffold, project: Path, template: Path
) -> None:
    release(template, "v1.1.0", {"files/tool.sh": "#!/bin/sh\n"})
    done = scaffold("status", cwd=project)
    assert (done.returncode, done.stdout, done.stderr) == (1, BEHIND, "")


def test_a_candidate_is_no_newer_version(scaffold: Scaffold, project: Path, template: Path) -> None:
    release(template, "v1.1.0rc1", {"files/tool.sh": "#!/bin/sh\n"})
    assert scaffold("status", cwd=project).returncode == 0


def test_a_project_may_be_ahead(scaffold: Scaffold, template: Path) -> None:
    release(template, "next", {"files/tool.sh": "#!/bin/sh\n"})
    scaffold("new", "demo", "--template", str(template), "--ref", "next", "--defaults")
    done = scaffold("status", "demo")
    assert done.returncode == 0
    assert "  version  next, ahead of v1.0.0, the newest here\n" in done.stdout


def test_what_plain_copier_made_is_as_written(
    scaffold: Scaffold, tmp_path: Path, template: Path
) -> None:
    copy = [sys.executable, "-m", "copier", "copy", "--quiet", "--defaults", template.name, "demo"]
    subprocess.run(copy, cwd=tmp_path, check=True)
    git(tmp_path, "init", "--quiet", "demo")
    commit(tmp_path / "demo")
    assert scaffold("status", "demo").stdout == UP_TO_DATE


def test_a_project_of_the_template_inside_is_compared_with_that(scaffold: Scaffold) -> None:
    scaffold("new", "my-service", "--defaults", "--no-lock")
    done = scaffold("status", "my-service")
    assert done.returncode == 0, done.stderr
    assert ", up to date\n" in done.stdout


def test_every_path_has_an_owner_and_a_state(scaffold: Scaffold, project: Path) -> None:
    (project / "README.md").write_text("# Ours\n")
    (project / "src/main.txt").write_text("our code\n")
    (project / "bin").mkdir()
    git(project, "mv", "tool.sh", "bin/tool")
    (project / "bin/tool").write_text("#!/bin/sh\necho one\necho two\necho four\n")
    (project / ".github/ci.yml").unlink()
    (project / ".scaffold.yml").write_text("keep: ['*.md']\ndeleted: [.github/ci.yml]\n")
    done = scaffold("status", "--paths", cwd=project)
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout
        == """\
demo
  version  v1.0.0, up to date
  files    1 of 5 as written, 2 edited, 1 moved, 1 deleted

  as written   managed  .copier-answers.yml
  deleted      yours    .github/ci.yml
  edited       yours    README.md
  edited       seed     src/main.txt
  moved        managed  tool.sh → bin/tool, edited
"""
    )


def test_what_is_kept_and_not_there_was_not_written(scaffold: Scaffold, project: Path) -> None:
    (project / "README.md").unlink()
    (project / ".scaffold.yml").write_text("keep: [README.md]\n")
    assert "  not written  yours    README.md\n" in scaffold("status", "--paths", "demo").stdout


def test_json_says_the_same(scaffold: Scaffold, project: Path, template: Path) -> None:
    release(template, "v2.0.0", {"files/new.txt": "new\n"})
    git(project, "mv", "tool.sh", "tool")
    done = scaffold("status", "--paths", "--json", cwd=project)
    assert done.returncode == 1
    report = json.loads(done.stdout)
    (found,) = report.pop("projects")
    assert report == {"repository": str(project), "pending": None, "next": "scaffold update"}
    paths = found.pop("paths")
    assert found == {
        "path": ".",
        "answers_file": ".copier-answers.yml",
        "name": "demo",
        "template": str(template),
        "version": "v1.0.0",
        "newest": "v2.0.0",
        "standing": "behind",
        "files": {"as written": 4, "edited": 0, "moved": 1, "deleted": 0, "not written": 0},
        "unread": [],
        "problem": None,
    }
    assert [path["path"] for path in paths] == [
        ".copier-answers.yml", ".github/ci.yml", "README.md", "src/main.txt", "tool.sh",
    ]  # fmt: skip
    assert paths[-1] == {
        "path": "tool.sh",
        "owner": "managed",
        "state": "moved",
        "edited": False,
        "moved_to": "tool",
    }


def test_files_count_as_they_are_on_disk(scaffold: Scaffold, project: Path) -> None:
    """Committed or not, tracked or not, ignored or not."""
    (project / ".gitignore").write_text("README.md\n")
    git(project, "rm", "--quiet", "--cached", "README.md")
    commit(project)
    assert scaffold("status", cwd=project).stdout == UP_TO_DATE
    (project / "README.md").write_text("mine\n")
    git(project, "mv", "tool.sh", "moved.sh")
    git(project, "reset", "--quiet")  # so that git does not track it
    assert "3 of 5 as written, 1 edited, 1 moved\n" in scaffold("status", cwd=project).stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("chmod -x tool.sh", "1 edited"),
        ("rm tool.sh && ln -s README.md tool.sh", "1 edited"),
        ("rm tool.sh && mkdir tool.sh && cp README.md tool.sh/tool.sh", "1 deleted"),
        ("rm -r src && echo an example > src", "1 deleted"),
        ("printf 'a\\0b' > README.md", "1 edited"),
        ("sed -i 's/$/\\r/' README.md", "1 edited"),
        ("mkdir 'new folder' && mv tool.sh \"$(printf 'new folder/\\n\\xff')\"", "1 moved"),
        ("mv tool.sh ':(top)[a]*'", "1 moved"),
    ],
)
def test_any_change_shows(scaffold: Scaffold, project: Path, change: str, said: str) -> None:
    subprocess.run(["bash", "-ec", change], cwd=project, check=True)
    done = scaffold("status", "--paths", cwd=project)
    assert f"4 of 5 as written, {said}\n" in done.stdout, done.stderr


@pytest.mark.parametrize(
    "settings", [["core.autocrlf=true"], ["core.autocrlf=true", "core.safecrlf=true"]]
)
def test_line_ends_count_as_they_do_for_git(
    scaffold: Scaffold, project: Path, settings: list[str]
) -> None:
    for setting in settings:
        git(project, "config", *setting.split("="))
    git(project, "rm", "--quiet", "--cached", "-r", ".")
    git(project, "reset", "--quiet", "--hard")
    assert b"\r\n" in (project / "README.md").read_bytes()
    assert scaffold("status", cwd=project).stdout == UP_TO_DATE


def test_a_project_is_found_from_anywhere_in_it(
    scaffold: Scaffold, monorepo: Path, template: Path
) -> None:
    release(template, "v1.1.0", {"files/tool.sh": "#!/bin/sh\n"})
    for path, cwd, following in (
        (".", monorepo / "a", "scaffold update"),
        (".", monorepo / "a/src", "scaffold update .."),
        ("nested/b c/src/main.txt", monorepo, "scaffold update 'nested/b c'"),
        ("b c/.copier-answers.yml", monorepo / "nested", "scaffold update 'b c'"),
    ):
        done = scaffold("status", path, cwd=cwd)
        assert done.stdout.endswith(f"\n\nNext:\n  {following}\n"), done.stderr
        assert done.stdout.startswith("b c\n" if "b c" in path else "a\n")


def test_all_projects_below_at_once(scaffold: Scaffold, monorepo: Path, template: Path) -> None:
    (monorepo / "a/README.md").unlink()
    done = scaffold("status", "--all", cwd=monorepo)
    assert (done.returncode, done.stdout) == (0, """\
a (a/.copier-answers.yml)
  version  v1.0.0, up to date
  files    4 of 5 as written, 1 deleted

b c (nested/b c/.copier-answers.yml)
  version  v1.0.0, up to date
  files    5 of 5 as written
""")  # fmt: skip
    release(template, "v1.1.0", {"files/tool.sh": "#!/bin/sh\n"})
    done = scaffold("status", "--all", str(monorepo))
    assert done.returncode == 1
    assert done.stdout.endswith("\nNext:\n  scaffold update --all mono\n")


def test_without_all_it_says_which_projects_there_are(scaffold: Scaffold, monorepo: Path) -> None:
    done = scaffold("status", cwd=monorepo)
    assert done.returncode == 2
    assert done.stderr.endswith("\n  There are projects below it: a, nested/b c.\n")


def test_a_folder_may_have_more_than_one_answers_file(
    scaffold: Scaffold, project: Path, template: Path
) -> None:
    answers = (project / ".copier-answers.yml").read_text()
    (project / ".copier-answers.two.yml").write_text(answers.replace("demo", "two"))
    commit(project)
    done = scaffold("status", cwd=project)
    assert "demo (.copier-answers.yml)\n" in done.stdout
    assert "two (.copier-answers.two.yml)\n" in done.stdout
    release(template, "v1.1.0", {"files/tool.sh": "#!/bin/sh\n"})
    assert scaffold("status", cwd=project).stdout.endswith("  scaffold update --all\n")
    done = scaffold("status", ".copier-answers.two.yml", cwd=project)
    assert done.stdout.startswith("two\n")
    assert done.stdout.endswith("  scaffold update .copier-answers.two.yml\n")


def test_a_template_that_moved_is_named(scaffold: Scaffold, project: Path, template: Path) -> None:
    release(template, "v1.1.0", {"files/tool.sh": "#!/bin/sh\n"})
    moved = template.rename(template.parent / "moved")
    done = scaffold("status", cwd=project)
    assert done.returncode == 2
    assert done.stdout == "demo\n  version  v1.0.0; the newest is not known\n"
    assert "cannot be fetched" in done.stderr
    assert done.stderr.endswith(
        "  If the template has moved, name its new place with --template.\n"
    )
    done = scaffold("status", "--template", str(moved), cwd=project)
    assert done.returncode == 1
    assert done.stdout.endswith(f"  scaffold update --template {moved}\n")


def test_a_password_in_an_address_is_not_told(scaffold: Scaffold, project: Path) -> None:
    answers = project / ".copier-answers.yml"
    address = "_src_path: https://ann:s3cr3t@127.0.0.1:1/template.git"
    answers.write_text(re.sub("_src_path: .*", address, answers.read_text()))
    commit(project)
    done = scaffold("status", "--json", cwd=project)
    assert json.loads(done.stdout)["projects"][0]["template"] == "https://127.0.0.1:1/template.git"
    assert "s3cr3t" not in done.stdout + done.stderr


def test_one_project_that_fails_hides_no_other(scaffold: Scaffold, monorepo: Path) -> None:
    (monorepo / "a/.scaffold.yml").write_text("kept: []\n")
    done = scaffold("status", "--all", cwd=monorepo)
    assert done.returncode == 1
    assert "v1.0.0; the newest is not known" in done.stdout
    assert "b c (nested/b c/.copier-answers.yml)\n  version  v1.0.0, up to date\n" in done.stdout
    assert "there is no setting 'kept'" in done.stderr
    report = json.loads(scaffold("status", "--all", "--json", cwd=monorepo).stdout)
    assert "no setting 'kept'" in report["projects"][0]["problem"]["message"]
    assert report["projects"][0]["files"] is None
    assert report["projects"][1]["problem"] is None


@pytest.mark.parametrize("edit", ["# Mine\n", None])
def test_an_update_that_waits_comes_first(
    scaffold: Scaffold, project: Path, template: Path, edit: str | None
) -> None:
    readme = "files/README.md.jinja"
    release(template, "v1.1.0", {readme: "# Another\n"})
    if edit:
        (project / "README.md").write_text(edit)
        commit(project)
    updated = scaffold("update", cwd=project)
    assert updated.returncode == (1 if edit else 0), updated.stderr
    done = scaffold("status", cwd=project / "src")
    assert done.returncode == 1
    assert "  version  v1.1.0, up to date\n" in done.stdout, "as it is on disk"
    what = "An update waits for you" if edit else "An update is staged and not committed"
    assert f"\n{what}: Update the template from v1.0.0 to v1.1.0" in done.stdout
    following = "scaffold update --continue" if edit else "git commit"
    assert done.stdout.endswith(f"\nNext:\n  {following}\n")
    pending = json.loads(scaffold("status", "--json", "demo").stdout)["pending"]
    assert pending["conflicts"] == (["README.md"] if edit else [])
    assert scaffold("status", "demo").stdout.endswith(f"  cd demo && {following}\n")
    before = everything(project)
    commit(project)
    assert scaffold("status", cwd=project).returncode == 0
    assert ".git/scaffold/state.json" in before.keys() & everything(project).keys()


def test_nothing_is_written(scaffold: Scaffold, project: Path, template: Path) -> None:
    release(template, "v1.1.0", {"files/tool.sh": "#!/bin/sh\n"})
    git(project, "mv", "tool.sh", "moved.sh")
    (project / "README.md").write_text("mine\n")
    (project / "new").write_text("new\n")
    for setting in ("core.fsmonitor", "core.splitIndex", "core.untrackedCache"):
        git(project, "config", setting, "true")
    git(project, "config", "filter.lfs.clean", "touch .git/pwned; cat")
    git(project, "config", "filter.lfs.required", "true")
    (project / ".gitattributes").write_text("*.md filter=lfs\n")
    before = everything(project)
    assert scaffold("status", "--paths", cwd=project).returncode == 1
    assert scaffold("diff", cwd=project).returncode == 0
    assert scaffold("explain", "tool.sh", cwd=project).returncode == 0
    assert everything(project) == before


@pytest.mark.parametrize(
    ("prepare", "path", "said"),
    [
        ("true", "nowhere", "There is no 'nowhere'."),
        ("true", ".", "is in no git repository"),
        ("git init -q", ".", "has no commit yet"),
        ("git init -q && git commit -q --allow-empty -m x", ".", "is in no project"),
    ],
)
def test_where_there_is_no_project_it_says_so(
    scaffold: Scaffold, tmp_path: Path, prepare: str, path: str, said: str
) -> None:
    subprocess.run(["sh", "-ec", prepare], cwd=tmp_path, check=True)
    done = scaffold("status", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_an_answers_file_that_cannot_be_read_is_named(scaffold: Scaffold, project: Path) -> None:
    (project / ".copier-answers.yml").write_text("{")
    done = scaffold("status", cwd=project)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: .copier-answers.yml is no valid YAML (line 1): ")


def test_without_git_it_says_how_to_get_it(scaffold: Scaffold, project: Path) -> None:
    assert scaffold("status", cwd=project, PATH="/nonexistent").returncode == 3


def test_it_imports_neither_copier_nor_questionary(project: Path) -> None:
    script = (
        "import sys\n"
        "sys.argv = ['scaffold', 'status']\n"
        "from scaffold.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "assert not {'copier', 'questionary', 'prompt_toolkit'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=project, check=True, capture_output=True)


@pytest.mark.parametrize("command", [("status",), ("explain", "README.md")])
def test_a_provider_that_is_known_costs_no_reader(
    scaffold: Scaffold, project: Path, command: tuple[str, ...]
) -> None:
    done = scaffold(*command, cwd=project, PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0, done.stderr
    assert "scaffold.providers" in done.stderr
    assert "scaffold.pipeline" not in done.stderr
