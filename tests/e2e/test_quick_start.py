"""What the README of a new project says of its first minutes, word for word, for each stack."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from conftest import TEMPLATE, usual_ports

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize("stack", [option.id for option in TEMPLATE.catalog.axes["stack"]])
def test_the_quick_start_works_as_written(stack: str, tmp_path: Path) -> None:
    made = [sys.executable, "-m", "scaffold", "new", "my-service", "--defaults", "-d"]
    subprocess.run([*made, f"stack={stack}"], cwd=tmp_path, check=True)
    project = tmp_path / "my-service"
    section = (project / "README.md").read_text().split("## Quick start")[1].split("\n## ")[0]
    commands = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    urls = re.findall(r"<(http://localhost:\d+[^>]*)>", section)
    assert urls
    with usual_ports():
        process = subprocess.Popen(
            ["sh", "-euc", "\n".join(commands)], cwd=project, start_new_session=True
        )
        try:
            deadline = time.monotonic() + 300
            while not (project / ".env.local").exists():  # what comes before may take its time
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            for url in urls:
                assert answer(url, process)
        finally:
            # As Ctrl-C does it: to all that the terminal started.
            subprocess.run(["kill", "-INT", "--", f"-{process.pid}"], check=True)
            try:
                process.wait(20)
            finally:
                subprocess.run(["kill", "-KILL", "--", f"-{process.pid}"], check=False)
    left = subprocess.check_output(["git", "status", "--porcelain"], cwd=project, text=True)
    assert left == "", "nothing of the work is left for git"
    assert process.returncode != -signal.SIGKILL
