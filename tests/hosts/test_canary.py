"""A canary in every secret, and a search for it wherever a task leaves something."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Render
from memory import Remembered
from vendors import VENDORS
from vendors.base import SECRET, AllBut, Fault, Machine, Vendor
from vendors.render import Render as OnRender

CANARY = "c4nary"
DOCUMENTED = "\n# A key.\n# Type: string\n# Secret: yes\n# Default: none\n# Set in: none\n{}=\n"
#: What is on the machine on purpose.
KEPT = ".env.live"


def told(at: Machine, version: int) -> None:
    """Document two secrets, and give each a canary."""
    names = ("API_KEY", "TOKEN")
    example = at.project / ".env.example"
    if names[0] not in example.read_text():
        with example.open("a") as file:
            file.writelines(DOCUMENTED.format(name) for name in names)
    key = f"SETTINGS_KEY={CANARY}{'k' * 32}\n"
    values = "".join(f'{name}="{CANARY}\\n{version}\'"\n' for name in names)
    (at.project / KEPT).write_text(key + values)


def journey(at: Machine) -> None:
    """Do all that is done to an environment, and have some of it fail."""
    vendor = at.vendor
    told(at, 1)
    first = at.commit("v1.0.0")
    at.run("ops/bootstrap", "live")
    assert at.run("ops/deploy", "live").returncode == 0
    told(at, 2)
    assert at.run("ops/settings", "live").returncode == 0
    assert at.run("ops/settings", "live", "push").returncode == 0
    vendor.sick = {at.commit("v1.1.0")}
    assert at.run("ops/deploy", "live").returncode == 1
    at.commit("v1.2.0")
    told(at, 3)
    for kind in ("401", "500"):
        vendor.faults = [Fault(vendor.tells, kind, times=99)]
        assert at.run("ops/deploy", "live").returncode == 1
        assert at.run("ops/settings", "live", "push").returncode == 1
    vendor.faults = []
    assert at.run("ops/deploy", "live").returncode == 0
    assert at.run("ops/rollback", "live").returncode == 0
    assert vendor.running() == first
    vendor.sick = AllBut(first)
    assert at.run("ops/drill", "live", "--yes-live").returncode == 0


def left_behind(folder: Path) -> list[str]:
    """Give the files that have a canary, but for the one that has to."""
    files = (file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    return [str(it) for it in files if it.name != KEPT and CANARY.encode() in it.read_bytes()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [it for it in VENDORS if it.stack != "static"], ids=lambda it: it.title
)
def test_no_task_leaves_one(
    kind: type[Vendor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    vendor = kind()
    with vendor.serving():
        at = Remembered.inside(vendor, tmp_path)
        assert isinstance(at, Remembered)
        journey(at)
    assert at.heard
    assert not [each for each in at.heard if CANARY in each], "said, or an argument of a program"
    written = "".join(f"{it.message}{it.content}" for it in at.repository.commits.values())
    assert CANARY not in written, "in git"
    assert left_behind(tmp_path) == []


@pytest.mark.slow
def test_no_trace_of_a_shell_has_one(render: Render, tmp_path: Path) -> None:
    vendor = OnRender()
    with vendor.serving():
        at = Machine.new(vendor, render, tmp_path)
        said = []
        run = at.run

        def traced(task: str, *arguments: str) -> object:
            traces = ("sh", "-x") if task.startswith("ops/") else ()
            done = run(*traces, task, *arguments)
            said.append(done.stdout + done.stderr)
            return done

        at.run = traced  # type: ignore[method-assign, assignment]
        journey(at)
    assert "+ exec python3 " in "".join(said)
    assert not [each for each in said if CANARY in each or SECRET in each]
    assert left_behind(tmp_path) == []
