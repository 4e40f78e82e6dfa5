"""ops/release, in dash and in busybox's ash, with the real git-cliff."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from conftest import Checkout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Render

pytestmark = pytest.mark.slow

HEAD = "# Changelog\n\nText that stays.\n\n## [Unreleased]\n"
OLDER = "\n## [1.1.0] - 2026-01-02\n\n- Older.\n"
#: What npx and uv do once a development dependency is installed: they run it.
RUNS = '#!/bin/sh\nwhile [ "$1" != git-cliff ]; do shift; done\nexec "$@"\n'


@dataclass
class Releases(Checkout):
    """A project in a repository, at v1.1.0."""

    shell: list[str]

    def release(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ops/release."""
        return self.run(*self.shell, "ops/release", *arguments)

    def commit(self, *messages: str) -> str:
        """Commit everything, then nothing under each of the other messages; return the last."""
        for message in messages:
            self.git("add", "--all")
            self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    @property
    def changelog(self) -> str:
        """What the changelog says, today's date as TODAY."""
        today = self.git("log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%d")
        return (self.project / "CHANGELOG.md").read_text().replace(today, "TODAY")

    def write(self, unreleased: str, older: str = OLDER) -> None:
        """Write the changelog, with something by hand under "Unreleased"."""
        (self.project / "CHANGELOG.md").write_text(HEAD + unreleased + older)

    @property
    def tags(self) -> list[str]:
        """The tags, in order."""
        return self.git("tag", "--list", "--sort=version:refname").split()


@pytest.fixture(params=["dash", "busybox"])
def releases(
    render: Render, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[..., Releases]:
    """Give a function that sets a project up, released as v1.1.0."""
    shell, cliff = shutil.which(request.param), shutil.which("git-cliff")
    if not shell or not cliff:
        pytest.skip(f"needs {request.param} and git-cliff")

    def releases(stack: str = "node", ci: str = "github", **answers: Any) -> Releases:
        project = render(stack=stack, ci=ci, **answers)
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in ("npx", "uv"):
            (folder / name).write_text(RUNS)
            (folder / name).chmod(0o755)
        environment = {
            **{name: value for name, value in os.environ.items() if name.startswith("GIT_")},
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "TZ": "UTC",
        }
        busybox = [shell, "sh"] if request.param == "busybox" else [shell]
        made = Releases(project, environment, busybox)
        made.git("init", "--quiet", "--initial-branch", "main")
        (project / "package.json").write_text('{"name": "my-service", "version": "1.1.0"}\n')
        made.write("")
        made.commit("feat: what v1.1.0 has")
        made.git("tag", "v1.1.0")
        return made

    return releases


# The changelog and the version


def test_the_commits_become_a_section_below_what_is_written_by_hand(
    releases: Callable[..., Releases],
) -> None:
    at = releases()
    at.write("\nNotes are **encrypted** now: run the migration.\n")
    at.commit(
        "feat(notes): encrypt notes",
        "fix: a crash without a title\n\nWhat else the message says.",
        "perf: half the queries",
        "fix(security): a header was not checked",
        'Revert "feat: encrypt titles"',
        "chore: tidy up",
        "chore(deps): update everything",
        "ci: faster",
        "style: format",
        "docs: explain",
        "test: more",
        "release: v0.0.1",
        "no conventional message",
    )
    done = at.release()
    assert done.returncode == 0, done.stderr
    section = """\

## [1.2.0] - TODAY

Notes are **encrypted** now: run the migration.

<!-- From the commits: -->

### Added

- notes: Encrypt notes

### Changed

- Half the queries
- Take back "feat: encrypt titles"

### Fixed

- A crash without a title

### Security

- security: A header was not checked
"""
    assert at.changelog == HEAD + section + OLDER
    assert json.loads((at.project / "package.json").read_text())["version"] == "1.2.0"
    assert at.git("log", "-1", "--format=%s") == "release: v1.2.0"
    assert at.git("cat-file", "-t", "v1.2.0") == "tag"
    assert at.git("rev-parse", "v1.2.0^{commit}") == at.git("rev-parse", "HEAD")
    assert at.git("status", "--porcelain") == ""
    assert done.stderr.strip() == (
        "release: tagged v1.2.0; to deploy it to live: git push --atomic origin main v1.2.0"
    )


@pytest.mark.parametrize(
    ("message", "argument", "version"),
    [
        ("fix: a bug", "", "1.1.1"),
        ("feat: a thing", "", "1.2.0"),
        ("feat!: another thing", "", "2.0.0"),
        ("refactor: less\n\nBREAKING CHANGE: another file", "", "2.0.0"),
        ("feat: a thing", "patch", "1.1.1"),
        ("fix: a bug", "minor", "1.2.0"),
        ("fix: a bug", "major", "2.0.0"),
        ("fix: a bug", "3.0.10", "3.0.10"),
    ],
)
def test_the_version_follows_from_the_commits_unless_it_is_named(
    releases: Callable[..., Releases], message: str, argument: str, version: str
) -> None:
    at = releases()
    at.commit(message)
    done = at.release(*argument.split())
    assert done.returncode == 0, done.stderr
    assert at.tags == ["v1.1.0", f"v{version}"]
    assert ("**Breaking:** " in at.changelog) is ("!" in message or "BREAKING" in message)


def test_before_1_0_0_a_breaking_change_is_a_minor_version(
    releases: Callable[..., Releases],
) -> None:
    at = releases()
    at.git("tag", "--delete", "v1.1.0")
    at.git("tag", "v0.4.0")
    at.commit("feat!: another thing")
    assert at.release().returncode == 0
    assert at.tags == ["v0.4.0", "v0.5.0"]


@pytest.mark.parametrize(
    ("argument", "version"), [("", "1.1.0"), ("minor", "1.1.0"), ("0.3.0", "0.3.0")]
)
def test_the_first_release_is_the_version_of_the_manifest(
    releases: Callable[..., Releases], argument: str, version: str
) -> None:
    at = releases()
    at.git("tag", "--delete", "v1.1.0")
    at.write("\nThe service itself.\n", older="")
    at.commit("feat: the service")
    done = at.release(*argument.split())
    assert done.returncode == 0, done.stderr
    assert at.tags == [f"v{version}"]
    assert f"## [{version}] - TODAY\n\nThe service itself.\n" in at.changelog


@pytest.mark.parametrize("stack", ["python", "static"])
def test_a_new_project_can_be_released(releases: Callable[..., Releases], stack: str) -> None:
    at = releases(stack=stack)
    at.git("tag", "--delete", "v1.1.0")
    (at.project / "CHANGELOG.md").write_text(HEAD + "\nThe service itself.\n")
    at.commit("feat: the service")
    version = "0.1.0" if stack == "python" else "1.1.0"
    if stack == "python":  # uv is there, and knows the version already
        (at.project.parent / "bin/uv").write_text(
            '#!/bin/sh\ncase $1 in run) shift 3; exec "$@" ;; esac\n'
        )
    done = at.release()
    assert done.returncode == 0, done.stderr
    assert at.tags == [f"v{version}"]


@pytest.mark.parametrize("by_hand", ["", "\n### Added\n\n### Fixed\n"])
def test_nothing_to_say_is_no_release(releases: Callable[..., Releases], by_hand: str) -> None:
    at = releases()
    at.write(by_hand)
    before = at.commit("chore: tidy up", "style: format")
    done = at.release()
    assert done.returncode == 1
    assert "nothing to release" in done.stderr
    assert at.git("rev-parse", "HEAD") == before


def test_what_is_written_by_hand_is_enough(releases: Callable[..., Releases]) -> None:
    at = releases()
    at.write("\n### Removed\n\n- Notes.\n")
    at.commit("chore: tidy up")
    assert at.release().returncode == 0
    assert at.tags == ["v1.1.0", "v1.1.1"]
    section = "\n## [1.1.1] - TODAY\n\n### Removed\n\n- Notes.\n"
    assert at.changelog == HEAD + section + OLDER


def test_a_changelog_without_unreleased_is_left_alone(releases: Callable[..., Releases]) -> None:
    at = releases()
    (at.project / "CHANGELOG.md").write_text("# History\n\n## 1.1.0\n")
    at.commit("feat: a thing")
    done = at.release()
    assert done.returncode == 1
    assert 'no "## [Unreleased]"' in done.stderr


# Candidates


def test_the_release_is_the_commit_that_was_the_candidate(
    releases: Callable[..., Releases],
) -> None:
    at = releases()
    at.commit("feat: a thing")
    first = at.release("--rc")
    assert first.returncode == 0, first.stderr
    assert "to deploy it to testbed: git push --atomic origin main v1.2.0-rc.1" in first.stderr
    candidate = at.git("rev-parse", "HEAD")
    assert at.git("log", "-1", "--format=%s") == "release: v1.2.0"

    again = at.release("--rc")
    assert again.returncode == 1
    assert "this is v1.2.0-rc.1 already" in again.stderr

    done = at.release()
    assert done.returncode == 0, done.stderr
    assert at.git("rev-parse", "HEAD") == candidate
    assert at.git("rev-parse", "v1.2.0^{commit}") == candidate


def test_the_next_candidate_takes_over_what_the_last_one_said(
    releases: Callable[..., Releases],
) -> None:
    at = releases()
    at.write("\nBy hand.\n")
    at.commit("feat: a thing")
    assert at.release("--rc").returncode == 0
    text = (at.project / "CHANGELOG.md").read_text()
    (at.project / "CHANGELOG.md").write_text(
        text.replace("## [Unreleased]\n", "## [Unreleased]\n\nBy hand, later.\n")
    )
    at.commit("fix: the thing")
    assert at.release("--rc").returncode == 0
    section = """\

## [1.2.0] - TODAY

By hand, later.

By hand.

<!-- From the commits: -->

### Added

- A thing

### Fixed

- The thing
"""
    assert at.changelog == HEAD + section + OLDER
    assert at.tags == ["v1.1.0", "v1.2.0-rc.1", "v1.2.0-rc.2"]

    at.commit("feat!: another thing")
    done = at.release("--rc")
    assert done.returncode == 0, done.stderr
    assert at.tags[-1] == "v2.0.0-rc.1"
    assert "## [1.2.0]" not in at.changelog, "nobody had it"


def test_candidates_are_counted(releases: Callable[..., Releases]) -> None:
    at = releases()
    for malformed in ("v1.2.0-rc.next", "v1.2.0-rc.08", "v1.2.0-rc.1-rc.9"):
        at.git("tag", malformed)
    for number in (1, 2, 10, 11):
        if number == 10:  # those between are counted as the second is
            at.git("tag", "v1.2.0-rc.9")
        at.commit(f"feat: thing {number}")
        done = at.release("--rc")
        assert done.returncode == 0, done.stderr
        assert f"v1.2.0-rc.{number}" in done.stderr


# What a release wants


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda at: (at.project / "CHANGELOG.md").write_text("edited"), "commit or stash"),
        (lambda at: (at.project / "new").write_text("untracked"), "commit or stash"),
        (lambda at: at.git("switch", "--quiet", "--create", "feature"), "git switch main"),
    ],
)
@pytest.mark.parametrize("candidate", ["", "--rc"])
def test_a_release_comes_from_a_clean_default_branch(
    releases: Callable[..., Releases],
    spoil: Callable[[Releases], Any],
    reason: str,
    candidate: str,
) -> None:
    at = releases()
    at.commit("feat: a thing")
    spoil(at)
    done = at.release(*candidate.split())
    assert done.returncode == 1
    assert reason in done.stderr
    assert at.tags == ["v1.1.0"]


@pytest.mark.parametrize("cloned", [True, False])
def test_a_release_comes_from_the_default_branch_of_the_remote(
    releases: Callable[..., Releases], *, cloned: bool
) -> None:
    at = releases()
    at.commit("fix: a bug")
    at.git("branch", "--move", "trunk")
    if cloned:
        at.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    else:
        origin = str(at.project.parent / "origin.git")
        at.git("clone", "--quiet", "--bare", ".", origin)
        at.git("remote", "add", "origin", origin)
    done = at.release()
    assert done.returncode == 0, done.stderr
    assert "git push --atomic origin trunk v1.1.1" in done.stderr


@pytest.mark.parametrize("version", ["1.1.0", "1.0.9", "0.10.0"])
@pytest.mark.parametrize("candidate", ["", "--rc"])
def test_a_version_is_newer_than_those_before_it(
    releases: Callable[..., Releases], version: str, candidate: str
) -> None:
    at = releases()
    at.commit("feat: a thing")
    done = at.release(version, *candidate.split())
    assert done.returncode == 1
    assert f"v{version} is not newer than v1.1.0" in done.stderr
    assert at.tags == ["v1.1.0"]


@pytest.mark.parametrize("candidate", ["", "--rc"])
def test_a_release_that_cannot_be_tagged_is_no_commit_either(
    releases: Callable[..., Releases], candidate: str
) -> None:
    at = releases()
    before = at.commit("fix: a bug")
    at.git("config", "tag.gpgSign", "true")
    at.git("config", "gpg.program", "false")
    done = at.release(*candidate.split())
    assert done.returncode == 1
    assert "the release commit is undone" in done.stderr
    assert at.git("rev-parse", "HEAD") == before
    assert at.git("status", "--porcelain") == ""


def test_a_release_that_fails_half_way_leaves_a_clean_tree(
    releases: Callable[..., Releases],
) -> None:
    at = releases()
    at.commit("fix: a bug")
    npm = at.project.parent / "bin/npm"
    npm.write_text("#!/bin/sh\necho broken >package.json\nexit 1\n")
    npm.chmod(0o755)
    done = at.release()
    assert done.returncode == 1
    assert at.git("status", "--porcelain") == ""
    assert at.tags == ["v1.1.0"]


# What the pipelines ask


def test_a_tag_has_its_section_and_its_version(releases: Callable[..., Releases]) -> None:
    at = releases()
    at.write("\nBy hand.\n")
    at.commit("feat: a thing")
    assert at.release("--rc").returncode == 0
    for tag in ("v1.2.0-rc.1", "v1.2.0"):
        assert at.release("--check", tag).returncode == 0
        notes = at.release("--notes", tag)
        assert notes.stdout == "By hand.\n\n### Added\n\n- A thing\n"

    unknown = at.release("--check", "v1.3.0")
    assert unknown.returncode == 1
    assert 'no section "## [1.3.0]"' in unknown.stderr

    package = at.project / "package.json"
    package.write_text(package.read_text().replace("1.2.0", "1.2.1"))
    other = at.release("--check", "v1.2.0")
    assert other.returncode == 1
    assert "the version in the manifest is 1.2.1, not 1.2.0" in other.stderr


@pytest.mark.parametrize("tag", ["", "1.2.0", "v1.2", "v1.2.0-beta.1", "main"])
def test_another_tag_is_no_release(releases: Callable[..., Releases], tag: str) -> None:
    done = releases().release("--check", tag)
    assert done.returncode == 2
    assert "vX.Y.Z" in done.stderr
