"""What only processes prove: the tasks as people run them, in a shell, with signals and traces.

What deploys and rollbacks do is in test_sequences.py, and on every host in test_contract.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Call, Render
from table import shown
from vendors import VENDORS
from vendors.base import SECRET, AllBut, Machine, Vendor
from vendors.fly import Fly
from vendors.netlify import Netlify
from vendors.render import Render as OnRender

pytestmark = pytest.mark.slow


@pytest.fixture
def at(request: pytest.FixtureRequest, render: Render, tmp_path: Path) -> Iterator[Machine]:
    """A new service on a host."""
    vendor: Vendor = request.param()
    with vendor.serving():
        yield Machine.new(vendor, render, tmp_path)


def on(*vendors: type[Vendor]) -> pytest.MarkDecorator:
    """Have a test run on hosts."""
    return pytest.mark.parametrize("at", vendors, ids=lambda it: it.title, indirect=True)


@pytest.mark.parametrize("vendor", [kind() for kind in VENDORS], ids=lambda it: it.title)
def test_all_of_it_runs_in_the_shell_of_busybox(
    vendor: Vendor, render: Render, tmp_path: Path
) -> None:
    with vendor.serving():
        at = Machine.new(vendor, render, tmp_path, "busybox")
        first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
        bad = at.commit("v1.2.0")
        vendor.sick = {bad}
        failed = at.run("ops/deploy", "live")
        assert failed.returncode == 1
        assert f"live runs {second} again" in failed.stderr
        vendor.sick = AllBut(second)
        drilled = at.run("ops/drill", "live", "--yes-live")
        assert drilled.returncode == 0, drilled.stderr
        vendor.sick = set()
        done = at.run("ops/rollback", "live")
        assert done.returncode == 0, done.stderr
        assert vendor.running() == first
        assert at.run("ops/releases", "live").stdout.splitlines()[1].startswith("* v1.0.0 ")
        if vendor.stack != "static":
            at.environment["IMAGE_REPOSITORY"] = "ghcr.io/team/service"
        vendor.forget()
        made = at.run("ops/bootstrap", "live")
        assert made.returncode == 0, made.stderr
    shown(at, "all of it in the shell of BusyBox")


class Counted(list[Call]):
    """Calls; the one of a number is not answered before somebody did something."""

    def __init__(self, number: int, then: Callable[[], object]) -> None:
        super().__init__()
        self.number, self.then = number, then

    def append(self, call: Call) -> None:
        """Note a call."""
        super().append(call)
        if len(self) == self.number:
            self.then()


@on(Fly, OnRender)
def test_a_deploy_that_was_killed_at_any_call_is_done_again(at: Machine) -> None:
    ran, number, killed = at.deploy("v1.0.0"), 0, True
    while killed:
        number += 1
        newest = at.commit(f"killed-{number}")
        began, processes = threading.Event(), list[int]()

        def kill(began: threading.Event = began, pids: list[int] = processes) -> None:
            began.wait(10)
            os.killpg(pids[0], signal.SIGKILL)

        at.vendor.calls = Counted(number, kill)
        with subprocess.Popen(
            ["ops/deploy", "live"], cwd=at.project, env=at.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        ) as deploy:  # fmt: skip
            processes.append(deploy.pid)
            began.set()
            killed = deploy.wait(60) == -signal.SIGKILL
        at.vendor.calls = []
        assert at.vendor.running() in (ran, newest)
        done = at.run("ops/deploy", "live")
        assert done.returncode == 0, (number, done.stderr)
        assert ("took over the lock of live" in done.stderr) is killed
        assert at.vendor.running() == newest
        ran = newest
    assert number > 2


@on(Fly, Netlify)
def test_no_secret_is_told(at: Machine) -> None:
    at.commit("v1.0.0")
    for file in (at.project / "ops").rglob("*"):
        if file.is_file():
            file.write_text(file.read_text().replace("set -eu", "set -eux", 1))
    at.commit("traced")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr
    assert "+ " in done.stderr
    logs = "".join(log.read_text() for log in at.bin.parent.glob("*.log"))
    assert SECRET not in done.stdout + done.stderr + logs
