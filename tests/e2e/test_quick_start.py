"""What the README of a new project says, word for word, for each stack.

Its first minutes, then how the example is replaced, with the project's own checks after each step.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import TEMPLATE, by_night, readme_commands, usual_ports
from store import Store

pytestmark = pytest.mark.slow

HOSTILE = """The "best" service's \\ description: {{ x }} ${{ y }} $(id) </script>
# with a *second* line"""

#: What checks the addition of the README to a project, and where it answers.
ORDERS = {
    "node": ("npx --no-install vitest run orders", "http://localhost:3000/orders"),
    "python": ("uv run --no-sync pytest -k orders", "http://localhost:3000/orders"),
    "fullstack": ("npx --no-install vitest run orders", "http://localhost:3000/orders"),
    "static": ("npx --no-install vitest run site", "http://localhost:5173/orders.html"),
}


def answer(url: str, process: subprocess.Popen[bytes]) -> str:
    """Give what answers, waiting for it as somebody would who has just started it."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310  # loopback
                return str(response.read().decode())
        except OSError:
            assert process.poll() is None, "it ended"
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer within 30 seconds")


@contextmanager
def running(project: Path, script: str, store: Store) -> Iterator[subprocess.Popen[bytes]]:
    """Run what ends with a server that goes on, as in a terminal."""
    with usual_ports():
        process = subprocess.Popen(
            ["sh", "-euc", script], cwd=project, env=store.environment, start_new_session=True
        )
        try:
            yield process
        finally:
            # As Ctrl-C does it: to all that the terminal started.
            subprocess.run(["kill", "-INT", "--", f"-{process.pid}"], check=True)
            try:
                process.wait(20)
            finally:
                subprocess.run(["kill", "-KILL", "--", f"-{process.pid}"], check=False)
    assert process.returncode != -signal.SIGKILL


def passes(project: Path, *tasks: str) -> None:
    """Run tasks, each of which has to pass."""
    for task in tasks:
        done = subprocess.run(
            ["sh", "-euc", task], cwd=project, env={**os.environ, "NO_COLOR": "1"},
            check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, f"{task}:\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize(
    "stack", by_night([option.id for option in TEMPLATE.catalog.axes["stack"]], ["node"])
)
def test_the_readme_works_as_written(stack: str, store: Store, tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "scaffold", "new", "my-service", "--defaults",
         "-d", f"stack={stack}", "-d", f"description={HOSTILE}"],
        cwd=tmp_path, check=True, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert made.stderr == "", "no note: the lock file and the first commit were made"
    project = tmp_path / "my-service"

    quick_start = (project / "README.md").read_text().split("## What is yours")[0]
    urls = re.findall(r"<(http://localhost:\d+[^>]*)>", quick_start)
    assert urls
    quick = "\n".join(readme_commands(project, "Quick start"))
    with running(project, quick, store) as process:
        deadline = time.monotonic() + 300
        while not (project / ".env.local").exists():  # what comes before may take its time
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        for url in urls:
            assert answer(url, process)
    left = subprocess.check_output(["git", "status", "--porcelain"], cwd=project, text=True)
    assert left == "", "nothing of the work is left for git"

    delete = [
        block for block in readme_commands(project, "What is yours") if block.startswith("rm ")
    ]
    add = [block for block in readme_commands(project, "What is yours") if block not in delete]
    assert delete
    assert add
    # That all of `ops/ci` passes in between: tests/runners/test_runs.py.
    check, url = ORDERS[stack]
    passes(project, *delete, *add, "ops/lint", check)
    with running(project, "exec ops/dev", store) as process:
        assert answer(url, process)
