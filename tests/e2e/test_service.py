"""A generated service does what its README says: every task, then the service itself."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from conftest import PINS, from_npm

pytestmark = pytest.mark.slow

HOSTILE = """The "best" service's \\ description: {{ x }} ${{ y }} $(id) </script>
# with a *second* line"""


def new(stack: str, folder: Path) -> Path:
    """Give a project as `scaffold new` leaves it: lock file and first commit made."""
    chosen = ["-d", f"stack={stack}", "-d", f"description={HOSTILE}"]
    done = subprocess.run(
        [sys.executable, "-m", "scaffold", "new", "my-service", *chosen],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "no note: the lock file and the first commit were made"
    return folder / "my-service"


def ops(service: Path, *task: str) -> str:
    done = subprocess.run(
        [f"ops/{task[0]}", *task[1:]],
        cwd=service,
        env={**os.environ, "NO_COLOR": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"ops/{' '.join(task)}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def node_on_path() -> Path:
    """Give Node itself: what PyPI puts on PATH is a Python script that passes no signal on."""
    return Path(subprocess.check_output(["node", "--print", "process.execPath"], text=True).strip())


def next_node(folder: Path) -> Path:
    """Give a Node that is not the pinned one but supported for long, too, and npm beside it."""
    npm = node_on_path().parents[1] / "lib/node_modules/npm/bin"
    cpu = {"x86_64": "x64", "aarch64": "arm64"}[os.uname().machine]
    folder.mkdir()
    (folder / "node").symlink_to(from_npm("node", f"node-linux-{cpu}/bin/node"))
    for name in ("npm", "npx"):
        (folder / name).symlink_to(npm / f"{name}-cli.js")
    return folder / "node"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def get(url: str) -> dict[str, str]:
    with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310  # loopback
        found: dict[str, str] = json.load(response)
        return found


def wait_for(url: str, process: subprocess.Popen[str]) -> dict[str, str]:
    for _ in range(100):
        try:
            return get(url)
        except OSError:
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer within 10 seconds")


def a_wrong_configuration_names_every_problem(service: Path, node: Path) -> None:
    done = subprocess.run(
        [node, "dist/server.js"],
        cwd=service,
        env={"PATH": os.environ["PATH"], "PORT": "http", "LOG_LEVEL": "loud", "APP_ENV": "moon"},
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 78
    for name in ("PORT", "LOG_LEVEL", "APP_ENV"):
        assert re.search(rf"^\W*{name}: ", done.stderr, re.MULTILINE), done.stderr


@pytest.mark.parametrize(
    ("stack", "version"), [("node", PINS["runtimes"]["node"]), ("fullstack", "26")]
)
def test_every_task_passes_and_the_service_runs(
    stack: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the pinned Node; and the stack with all that the other has on the next one."""
    service = new(stack, tmp_path)
    node = node_on_path() if version == PINS["runtimes"]["node"] else next_node(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{node.parent}{os.pathsep}{os.environ['PATH']}")
    assert subprocess.check_output(["node", "--version"], text=True).startswith(f"v{version}.")

    ops(service, "setup")
    ops(service, "lint")
    assert re.search(r"Tests +\d+ passed", ops(service, "test"))
    ops(service, "build")
    a_wrong_configuration_names_every_problem(service, node)

    port, commit = free_port(), "0123456789abcdef0123456789abcdef01234567"
    process = subprocess.Popen(
        [node, "dist/server.js"],
        cwd=service,
        env={"PATH": os.environ["PATH"], "PORT": str(port), "GIT_COMMIT": commit},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        health = wait_for(f"http://127.0.0.1:{port}/healthz", process)
        assert health == {"status": "ok", "version": "0.1.0", "commit": commit}
        assert get(f"http://127.0.0.1:{port}/readyz") == {"status": "ready"}
        ops(service, "smoke", f"http://127.0.0.1:{port}", commit)
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
        assert process.returncode == 0, err
        assert time.monotonic() - begin < 5
        assert all(json.loads(line)["time"] for line in out.splitlines())
    finally:
        process.kill()
        process.wait()
    left = subprocess.check_output(["git", "status", "--porcelain"], cwd=service, text=True)
    assert left == "", "nothing of the work is left for git"
