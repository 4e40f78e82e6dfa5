"""A generated service on another Node than the pinned one: every task, then the service itself."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from conftest import OTHERS, from_npm, readme_commands
from ports import free_port

pytestmark = pytest.mark.slow

#: Supported for long, as the pinned one is.
NEXT = "26"


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


def next_node(folder: Path) -> Path:
    """Give that Node, and npm beside it."""
    # What PyPI puts on PATH as node is a Python script.
    node = subprocess.check_output(["node", "--print", "process.execPath"], text=True).strip()
    npm = Path(node).parents[1] / "lib/node_modules/npm/bin"
    cpu = {"x86_64": "x64", "aarch64": "arm64"}[os.uname().machine]
    folder.mkdir()
    (folder / "node").symlink_to(from_npm("node", f"node-linux-{cpu}/bin/node"))
    for name in ("npm", "npx"):
        (folder / name).symlink_to(npm / f"{name}-cli.js")
    return folder / "node"


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


def test_every_task_passes_and_the_service_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The full stack has all that the Node service has, and a page; and each vendor's part.

    Halfway its example is deleted as the README says: nothing that is kept for people leans on it,
    neither in the integration tests nor in a vendor's part.
    """
    chosen = [f"-d{axis}={option}" for axis, option in {**OTHERS, "stack": "fullstack"}.items()]
    made = [sys.executable, "-m", "scaffold", "new", "my-service", *chosen]
    subprocess.run(made, cwd=tmp_path, check=True, stdin=subprocess.DEVNULL)
    service = tmp_path / "my-service"
    node = next_node(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{node.parent}{os.pathsep}{os.environ['PATH']}")
    assert subprocess.check_output(["node", "--version"], text=True).startswith(f"v{NEXT}.")

    ops(service, "setup")
    ops(service, "lint")
    of_the_example = "npx --no-install vite build --logLevel warn && npx vitest run notes web"
    deletions = [it for it in readme_commands(service, "What is yours") if it.startswith("rm ")]
    assert deletions
    recorded = "git commit --quiet --all --message 'Delete the example'"
    steps = "\n".join([of_the_example, *deletions, recorded])
    subprocess.run(["sh", "-euc", steps], cwd=service, check=True)
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
