"""ops/scan: gitleaks and hadolint are real, what would ask the internet is a stub."""

from __future__ import annotations

import json
import os
import re
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

#: What tokens are made of, and one that is none, in the form that GitHub's have; in halves, so
#: that no scan finds it here.
LETTERS = "x7Kq2LmN9pRs4TuV6wXy8ZaB1cDe3FgH5iJkQ0vW7yEzU1oPd"
TOKEN = "ghp_" + LETTERS[:36]

#: Others, by the rule of gitleaks that knows them.
PLANTED = {
    "aws-access-token": "AKIA" + "QYLPMN5HXKW3ZC7R",
    "doppler-api-token": f"dp.pt.{LETTERS[:43]}",
    "doppler-token": f"dp.st.live.{LETTERS[:43]}",
    "github-pat": TOKEN,
    "jwt": f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{LETTERS[:43]}",
    "private-key": "-----BEGIN {0}-----\n{1}\n{1}\n-----END {0}-----".format(
        "PRIVATE KEY", LETTERS
    ),
    "slack-bot-token": f"xoxb-123456789012-123456789012-{LETTERS[:24]}",
    "slack-webhook-url": f"https://hooks.slack.com/services/T0A1B2C3D/B0A1B2C3D/{LETTERS[:24]}",
    "stripe-access-token": f"sk_live_{LETTERS[:24]}",
    "url-with-password": f"postgres://app:{LETTERS[:20]}@db.internal:5432/app",
}

#: Environment files, with what gitleaks takes for harmless: one is empty, and one no text to git.
REAL = {
    ".env": b"",
    ".env.local": "A=1".encode("utf-16"),
    ".env.live": b"PIN=1234",
    "config/.env.production": b"A=1",
    "my notes/.env testbed": b"A=1",
}


@dataclass
class Repository(Checkout):
    """A project, committed, on a machine where no scanner reaches the internet."""

    bin: Path

    def commit(self, **files: str) -> None:
        """Commit files."""
        for name, text in files.items():
            (self.project / name).parent.mkdir(exist_ok=True)
            (self.project / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a commit")

    def stub(self, name: str, script: str) -> None:
        """Put a command in front of the others."""
        file = self.bin / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def spare(self) -> None:
        """Have what looks at files find nothing, in a test of what looks at something else."""
        for name in ("gitleaks", "hadolint"):
            self.stub(name, "")

    def checks(self, done: subprocess.CompletedProcess[str]) -> tuple[list[str], list[str]]:
        """Return which checks were made, and which of them did not pass."""
        lines = done.stderr.splitlines()
        made = [line.split(": ")[-1] for line in lines if line.startswith("scan: checking: ")]
        failed = [line.split(":")[-1] for line in lines if line.startswith("scan: not passed:")]
        return made, "".join(failed).split()


@pytest.fixture
def scanned(render: Render, tmp_path: Path) -> Callable[..., Repository]:
    """Give a function that commits a project whose dependencies are fine."""
    for tool in ("gitleaks", "hadolint", "prek"):
        if not shutil.which(tool):
            pytest.skip(f"needs {tool}")

    def scanned(**answers: Any) -> Repository:
        folder = tmp_path / "bin"
        folder.mkdir()
        environment = {
            **os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "CI": "",
        }  # fmt: skip
        made = Repository(render(**answers), environment, folder)
        made.stub("npm", "[ $1 != sbom ] || echo '{}'")
        made.stub("uv", "[ $1 != export ] || echo '{}'")
        made.git("init", "--quiet", "--initial-branch", "main")
        made.commit()
        return made

    return scanned


@pytest.mark.parametrize(
    ("stack", "hosting"),
    [("node", "fly"), ("python", "fly"), ("fullstack", "render"), ("static", "netlify")],
)
def test_a_new_project_passes(scanned: Callable[..., Repository], stack: str, hosting: str) -> None:
    at = scanned(stack=stack, hosting=hosting)
    done = at.run("ops/scan")
    assert done.returncode == 0, done.stdout + done.stderr
    dockerfile = [] if stack == "static" else ["dockerfile"]
    assert at.checks(done) == (["secrets", "dependencies", "sbom", *dockerfile], [])
    assert json.loads((at.project / ".cache/sbom.cdx.json").read_text()) == {}


def test_each_check_runs_whatever_the_others_found(scanned: Callable[..., Repository]) -> None:
    at = scanned(stack="node")
    at.commit(**{"notes.txt": f"token = {TOKEN}\n"})
    dockerfile = at.project / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("WORKDIR /app", "WORKDIR app"))
    at.stub("npm", 'echo "1 high severity vulnerability"; exit 1')
    done = at.run("ops/scan")
    assert done.returncode == 1
    everything = ["secrets", "dependencies", "sbom", "dockerfile"]
    assert at.checks(done) == (everything, everything)
    assert "DL3000" in done.stdout, "hadolint says what is wrong"
    assert "notes.txt" in done.stdout, "gitleaks says where"
    assert TOKEN not in done.stdout + done.stderr, "but not what"


# Secrets


def test_planted_secrets_are_found_before_they_are_committed_and_after(
    scanned: Callable[..., Repository],
) -> None:
    at = scanned(stack="node")
    for rule, text in PLANTED.items():
        (at.project / f"{rule}.txt").write_text(f"{text}\n")
    at.git("add", "--all")
    for command in (["ops/scan", "--staged"], ["ops/scan"]):
        done = at.run(*command)
        assert at.checks(done)[1] == ["secrets"]
        found = re.findall(
            r"^RuleID: +(\S+)\n(?:Entropy.*\n)?File: +(\S+)", done.stdout, re.MULTILINE
        )
        assert sorted(found) == [(rule, f"{rule}.txt") for rule in PLANTED]
        assert "see Scans in SECURITY.md" in done.stderr
        assert not [rule for rule, text in PLANTED.items() if text in done.stdout + done.stderr]
        at.commit()


def test_what_stands_for_a_password_is_none(scanned: Callable[..., Repository]) -> None:
    at = scanned(stack="node")
    harmless = [
        "postgres://app:postgres@db:5432/app",
        "postgres://app:$DATABASE_PASSWORD_OF_LIVE@db.internal:5432/app",
        "postgres://app:${DATABASE_PASSWORD_OF_LIVE}@db.internal:5432/app",
        f"postgres://app:{LETTERS[:20]}@localhost:5432/app",
        "https://cdn.example.com:8443/@scope/package@1.2.3",
    ]
    at.commit(**{"notes.txt": "\n".join(harmless)})
    done = at.run("ops/scan")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("hooks", ["pre-commit", "prek"])
def test_a_hook_refuses_to_commit_a_secret(scanned: Callable[..., Repository], hooks: str) -> None:
    at = scanned(stack="node")
    at.commit(**{"ops/lint": "#!/bin/sh\n"})
    assert at.run(hooks, "install").returncode == 0
    for name, text in {"notes.txt": TOKEN, ".env.live": "A=1", ".env.any.example": "A="}.items():
        (at.project / name).write_text(text)
        at.git("add", "--force", name)
        done = at.run("git", "commit", "--message", "feat: something")
        assert (done.returncode == 0) is name.endswith(".example"), done.stderr
        assert name in done.stdout + done.stderr
        at.git("reset", "--quiet", "--hard")


def test_a_secret_that_was_deleted_again_is_still_known(scanned: Callable[..., Repository]) -> None:
    at = scanned(stack="node")
    at.commit(**{"notes.txt": TOKEN})
    at.commit(**{"notes.txt": "nothing\n"})
    assert at.checks(at.run("ops/scan"))[1] == ["secrets"]


def test_a_secret_that_a_merge_brought_is_found(scanned: Callable[..., Repository]) -> None:
    at = scanned(stack="node")
    at.git("switch", "--quiet", "--create", "feature")
    at.commit(**{"feature.txt": "one\n"})
    at.git("switch", "--quiet", "main")
    at.commit(**{"main.txt": "two\n"})
    at.git("merge", "--quiet", "--no-commit", "--no-ff", "feature")
    at.commit(**{"merged.txt": TOKEN})
    assert at.checks(at.run("ops/scan"))[1] == ["secrets"]
    # Git before 2.35 does not know what a merge itself brought.
    real = shutil.which("git")
    at.stub("git", f'case $* in *remerge*) exit 128 ;; esac; exec {real} "$@"')
    assert "merged.txt" in at.run("ops/scan").stdout


def test_a_shallow_clone_still_has_all_files(
    scanned: Callable[..., Repository], tmp_path: Path
) -> None:
    at = scanned(stack="node")
    at.commit(**{"notes.txt": TOKEN})
    at.commit(**{"other.txt": "later\n"})
    at.git("clone", "--quiet", "--depth", "1", f"file://{at.project}", str(tmp_path / "clone"))
    at.project = tmp_path / "clone"
    assert at.checks(at.run("ops/scan"))[1] == ["secrets"]


def test_what_git_ignores_may_be_secret(scanned: Callable[..., Repository]) -> None:
    at = scanned(stack="node")
    (at.project / ".env.local").write_text(f"TOKEN={TOKEN}\n")
    assert at.run("ops/scan").returncode == 0


def test_a_service_in_a_folder_of_a_repository_is_in_one(
    scanned: Callable[..., Repository],
) -> None:
    at = scanned(stack="node")
    (at.project / ".git").rename(at.project.parent / ".git")
    at.commit()
    (at.project / ".env.local").write_text(f"KEY={TOKEN}\n")
    assert at.checks(at.run("ops/scan"))[1] == []
    at.commit(**{"notes.txt": TOKEN})
    at.commit(**{"notes.txt": "nothing\n"})
    assert at.checks(at.run("ops/scan"))[1] == ["secrets"]


def test_without_a_repository_all_files_count(scanned: Callable[..., Repository]) -> None:
    at = scanned(stack="node")
    shutil.rmtree(at.project / ".git")
    assert at.run("ops/scan").returncode == 0
    (at.project / "notes.txt").write_text(TOKEN)
    assert at.checks(at.run("ops/scan"))[1] == ["secrets"]


def test_before_the_first_commit_it_is_what_that_will_add(
    scanned: Callable[..., Repository],
) -> None:
    at = scanned(stack="node")
    shutil.rmtree(at.project / ".git")
    at.git("init", "--quiet")
    at.git("add", "--all")
    assert at.run("ops/scan").returncode == 0
    (at.project / "notes.txt").write_text(TOKEN)
    at.git("add", "--all")
    assert at.checks(at.run("ops/scan"))[1] == ["secrets"]


@pytest.mark.parametrize("arguments", [[], ["--staged"]])
def test_git_that_fails_has_shown_nothing(
    scanned: Callable[..., Repository], arguments: list[str]
) -> None:
    at = scanned(stack="node")
    done = at.run("ops/scan", *arguments, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert at.checks(done)[1] == ["secrets"]
    assert "gitleaks could not look: " in done.stderr
    assert "dubious ownership" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--staged"]])
def test_it_reads_git_whose_diffs_have_colors(
    scanned: Callable[..., Repository], arguments: list[str]
) -> None:
    at = scanned(stack="node")
    at.git("config", "color.diff", "always")
    (at.project / "notes.txt").write_text(TOKEN)
    at.git("add", "--all")
    if not arguments:
        at.commit()
    assert at.checks(at.run("ops/scan", *arguments))[1] == ["secrets"]


@pytest.mark.parametrize(
    "allowed",
    [
        {"notes.txt": f"token = {TOKEN} # gitleaks:allow\n"},
        {
            "notes.txt": f"token = {TOKEN}\n",
            ".gitleaks.toml": "[extend]\nuseDefault = true\n"
            "[[allowlists]]\npaths = ['notes.txt']\n",
        },
    ],
)
def test_a_false_alarm_can_be_allowed(
    scanned: Callable[..., Repository], allowed: dict[str, str]
) -> None:
    at = scanned(stack="node")
    at.commit(**allowed)
    assert at.run("ops/scan").returncode == 0


# Environment files


def advice(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what it says about secrets that it found."""
    after = done.stderr.split("scan: checking: secrets\n")[1]
    return [
        line.removeprefix("scan: ") for line in after.split("\nscan: checking: ")[0].splitlines()
    ]


def test_an_environment_file_is_known_by_its_name(scanned: Callable[..., Repository]) -> None:
    at = scanned(stack="node")
    for name, content in REAL.items():
        (at.project / name).parent.mkdir(exist_ok=True)
        (at.project / name).write_bytes(content)
    assert at.checks(at.run("ops/scan"))[1] == [], "git ignores them"
    at.git("add", "--force", *REAL)
    for command in (["ops/scan", "--staged"], ["ops/scan"]):
        done = at.run(*command)
        assert done.returncode == 1
        told = advice(done)
        assert sorted(told[: 2 * len(REAL) : 2]) == sorted(
            f"{name} is in git, where only an example of it may be: git rm --cached '{name}'"
            for name in REAL
        )
        assert {*told[1 : 2 * len(REAL) : 2]} == {
            "if it ever left this machine, its values are known: replace them where they are from"
        }
        at.commit()
    at.git("rm", "--quiet", "--cached", *REAL)
    at.commit()
    assert at.run("ops/scan", "--staged").returncode == 0, "the next commit has none"
    done = at.run("ops/scan")
    assert at.checks(done)[1] == ["secrets"]
    told = advice(done)
    known = "was in git, and every clone still has it: replace "
    assert sorted(line.partition(f" {known}")[0] for line in told[::2]) == sorted(REAL)
    assert all(f" {known}" in line for line in told[::2])
    allowed = [line.split("lets it pass: ")[1] + "\n" for line in told[1::2]]
    at.commit(**{".gitleaksignore": "".join(allowed[1:])})
    assert at.checks(at.run("ops/scan"))[1] == ["secrets"], "one is left"
    at.commit(**{".gitleaksignore": "".join(allowed)})
    assert at.run("ops/scan").returncode == 0


def test_an_environment_file_that_only_a_branch_or_a_merge_had_is_known(
    scanned: Callable[..., Repository],
) -> None:
    at = scanned(stack="node")
    at.git("switch", "--quiet", "--create", "feature")
    (at.project / ".env").touch()
    at.git("add", "--force", ".env")
    at.commit()
    at.git("rm", "--quiet", ".env")
    at.commit()
    at.git("switch", "--quiet", "main")
    at.commit()
    at.git("merge", "--quiet", "--no-commit", "--no-ff", "feature")
    (at.project / ".env.live").touch()
    at.git("add", "--force", ".env.live")
    at.commit()
    at.git("rm", "--quiet", ".env.live")
    at.commit()
    what = [line.split(",")[0] for line in advice(at.run("ops/scan"))[::2]]
    assert what == [".env was in git", ".env.live was in git"]


def test_an_environment_file_is_known_in_a_folder_of_a_shallow_clone(
    scanned: Callable[..., Repository], tmp_path: Path
) -> None:
    at = scanned(stack="node")
    (at.project / ".git").rename(at.project.parent / ".git")
    (at.project / ".env.live").touch()
    at.git("add", "--force", ".env.live")
    at.commit()
    at.commit(**{"other.txt": "later\n"})
    source, name = at.project.parent, at.project.name
    at.git("clone", "--quiet", "--depth", "1", f"file://{source}", str(tmp_path / "clone"))
    at.project = tmp_path / "clone" / name
    assert advice(at.run("ops/scan"))[0].startswith(".env.live is in git")
    at.git("rm", "--quiet", "--cached", ".env.live")
    at.commit()
    assert advice(at.run("ops/scan"))[0].startswith(".env.live was in git")


def test_without_a_repository_an_environment_file_may_be_there(
    scanned: Callable[..., Repository],
) -> None:
    at = scanned(stack="node")
    shutil.rmtree(at.project / ".git")
    (at.project / ".env.local").write_text("LOG_LEVEL=debug\n")
    assert at.run("ops/scan").returncode == 0


# Dependencies


@pytest.mark.parametrize(
    ("stack", "tool", "script", "looked"),
    [
        ("node", "npm", "echo '1 high severity vulnerability'; exit 1", True),
        ("node", "npm", "echo '3 vulnerabilities (1 moderate, 2 critical)'; exit 1", True),
        ("node", "npm", "echo 'npm error audit endpoint returned an error'; exit 1", False),
        ("python", "uv", "echo 'Found 1 known vulnerability'; exit 1", True),
        ("python", "uv", "echo 'error: no route to host'; exit 2", False),
    ],
)
def test_a_scan_that_could_not_look_says_so(
    scanned: Callable[..., Repository], stack: str, tool: str, script: str, *, looked: bool
) -> None:
    at = scanned(stack=stack)
    at.spare()
    at.stub(tool, f"case $1 in audit) {script} ;; sbom | export) echo '{{}}' ;; esac")
    done = at.run("ops/scan")
    assert done.returncode == 1
    assert at.checks(done)[1] == ["dependencies"]
    assert ("could not look" in done.stderr) is not looked


def test_a_mirror_of_the_advisories_is_asked_instead(scanned: Callable[..., Repository]) -> None:
    at = scanned(stack="python")
    at.spare()
    at.stub("uv", "[ $1 != audit ] || echo \"$@\"; [ $1 != export ] || echo '{}'")
    asked = at.run("ops/scan", OSV_URL="http://127.0.0.1:1")
    assert "--service-url http://127.0.0.1:1" in asked.stdout
    assert "--service-url" not in at.run("ops/scan").stdout


# The image

REPORT = {
    "results": [
        {
            "packages": [
                {
                    "package": {"name": "busybox", "version": "1.37.0"},
                    "groups": [{"ids": ["CVE-1"], "max_severity": "SCORE"}],
                }
            ]
        }
    ]
}


@pytest.mark.parametrize(
    ("score", "code", "passes"),
    [("6.9", 1, True), ("7.0", 1, False), ("", 1, False), ("9.8", 127, False)],
)
def test_osv_objects_to_what_is_high_in_the_image(
    scanned: Callable[..., Repository], score: str, code: int, *, passes: bool
) -> None:
    at = scanned(stack="node", scan="osv")
    at.spare()
    (at.project / ".cache").mkdir()
    (at.project / ".cache/image.tar").touch()
    report = json.dumps(REPORT).replace("SCORE", score)
    at.stub("osv-scanner", f"echo \"$@\" >'{at.bin}/call'; echo '{report}'; exit {code}")
    done = at.run("ops/scan", "--image")
    assert (done.returncode == 0) is passes, done.stderr
    assert ("busybox 1.37.0: CVE-1" in done.stdout) is (not passes and code == 1)
    assert ("could not look" in done.stderr) is (code == 127)
    call = (at.bin / "call").read_text().split()
    assert call[:4] == ["scan", "image", "--archive", ".cache/image.tar"]


@pytest.mark.parametrize(
    "report", ["", "<html>", "[]", '{"results": [{"packages": [{"groups": 7}]}]}']
)
def test_a_report_that_is_none_is_no_answer(
    scanned: Callable[..., Repository], report: str
) -> None:
    at = scanned(stack="node", scan="osv")
    at.spare()
    (at.project / ".cache").mkdir()
    (at.project / ".cache/image.tar").touch()
    at.stub("osv-scanner", f"printf '%s' '{report}'")
    done = at.run("ops/scan", "--image")
    assert done.returncode == 1
    assert "could not look" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("stack", "reads"),
    [
        ("node", "--file=package-lock.json"),
        ("python", "--file=.cache/requirements.txt --package-manager=pip"),
    ],
)
@pytest.mark.parametrize(
    ("code", "says"),
    [
        (0, ""),
        (1, "not passed"),
        (2, "could not look"),
    ],
)
def test_snyk_looks_at_the_lock_file_and_the_image(
    scanned: Callable[..., Repository], stack: str, reads: str, code: int, says: str
) -> None:
    at = scanned(stack=stack, scan="snyk")
    at.spare()
    (at.project / ".cache").mkdir()
    (at.project / ".cache/image.tar").touch()
    at.stub("snyk", f'echo "snyk $@"; [ "$SNYK_TOKEN" = {TOKEN} ] || exit 9; exit {code}')
    lacking = at.run("ops/scan")
    assert lacking.returncode == 2
    assert "SNYK_TOKEN" in lacking.stderr
    done = at.run("ops/scan", "--image", SNYK_TOKEN=TOKEN)
    assert done.returncode == min(code, 1)
    assert says in done.stderr
    dependencies, image = (ln for ln in done.stdout.splitlines() if ln.startswith("snyk "))
    assert dependencies.startswith(f"snyk test {reads}")
    assert image.startswith("snyk container test docker-archive:.cache/image.tar --file=Dockerfile")
    assert all("--severity-threshold=high" in call for call in (dependencies, image))
    assert TOKEN not in done.stdout + done.stderr
