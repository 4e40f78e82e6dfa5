"""Tab in bash and in zsh: what ops/lib/completion.bash completes, asked for and typed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

if TYPE_CHECKING:
    from conftest import Render

FILE = "ops/lib/completion.bash"
ASK = f""". {FILE}
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
"$(complete -p "$1" | sed 's/.*-F \\([^ ]*\\).*/\\1/')"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def project(render: Render) -> Path:
    """Give a project with a database, and two tags."""
    made = render(database="supabase")
    for command in (
        "init --quiet",
        "commit --quiet --allow-empty --message start",
        "tag v1.0.0",
        "tag v1.1.0",
    ):
        subprocess.run(["git", *command.split()], cwd=made, check=True)
    return made


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("ops/deploy ", "sandbox testbed live"),
        ("ops/deploy l", "live"),
        ("./ops/rollback te", "testbed"),
        ("ops/rollback --force te", "testbed"),
        ("ops/rollback live ", "v1.1.0 v1.0.0"),
        (
            "ops/rollback live --",
            "--dry-run --force --help --json --migrate-down --no-record --overwrite --snapshot",
        ),
        ("ops/deploy live v1.1", "v1.1.0"),
        ("ops/deploy live v1.1.0 ", ""),
        ("ops/releases testbed --", "--help --json"),
        ("ops/bootstrap live --d", "--dry-run"),
        ("ops/drill ", "sandbox testbed live"),
        ("ops/restore ", "sandbox testbed live"),
        ("ops/restore live --d", "--drill"),
        ("ops/flag lo", "local"),
        ("ops/flag live ", "list notes-preview"),
        ("ops/flag live notes-preview ", "on off reset list"),
        ("ops/drill live --y", "--yes-live"),
        ("ops/release ", "major minor patch"),
        ("ops/release --", "--check --help --notes --rc"),
        ("ops/build --i", "--image"),
        ("ops/smoke ", ""),
        ("ops/setup -", "--help"),
    ],
)
def test_what_is_completed(project: Path, typed: str, completed: str) -> None:
    command = ["bash", "--norc", "-euc", ASK, "bash", *typed.split(" ")]
    done = subprocess.run(command, cwd=project, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == completed.split()


def test_every_task_is_known(project: Path) -> None:
    tasks = {
        f"ops/{path.name}"
        for path in (project / "ops").iterdir()
        if path.is_file() and os.access(path, os.X_OK)
    }
    known = subprocess.check_output(
        ["bash", "--norc", "-c", f". {FILE}; complete -p"], cwd=project, text=True
    )
    assert {line.split()[-1] for line in known.splitlines()} == tasks | {
        f"./{task}" for task in tasks
    }


@pytest.mark.parametrize("shell", ["bash --norc -i", "zsh -f -i"])
def test_tab_completes(project: Path, shell: str) -> None:
    name, *arguments = shell.split()
    if not shutil.which(name):
        pytest.skip(f"needs {name}")
    environment: dict[str, str] = {
        "PATH": os.environ["PATH"],
        "HOME": str(project.parent),
        "TERM": "dumb",
    }
    terminal = pexpect.spawn(
        name, arguments, cwd=str(project), env=environment,
        encoding="utf-8", timeout=10, dimensions=(24, 200),
    )  # fmt: skip
    terminal.sendline(f". {FILE}; echo rea''dy")
    terminal.expect("ready")
    for typed, rest in {"ops/deploy te": "stbed", "ops/rollback live --fo": "rce"}.items():
        terminal.send(f"{typed}\t")
        terminal.expect(f"{typed}.*{rest}")
        terminal.send("\x15")
    terminal.sendline("exit")
    terminal.close()
