"""The commands of docs/how-to/deploy-and-roll-back.md, word for word, on Fly.io."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from conftest import ROOT, Render
from vendors.base import AllBut, Machine
from vendors.fly import Fly

PAGE = ROOT / "docs/how-to/deploy-and-roll-back.md"


@pytest.mark.slow
def test_the_commands_of_the_page_do_what_it_says(render: Render, tmp_path: Path) -> None:
    vendor = Fly()
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    steps = [each for each in blocks if not re.search("--no-record|ops/drill|ops/test", each)]
    (glass,), (drill,), (selftest,) = (
        [each for each in blocks if said in each]
        for said in ("--no-record", "ops/drill", "ops/test")
    )
    assert len(steps) == len(blocks) - 3
    with vendor.serving():
        at = Machine.new(vendor, render, tmp_path)
        shell = (shutil.which("dash") or "sh", "-euc")
        at.commit("v1.0.0")
        newest = at.commit("v1.1.0")
        done = at.run(*shell, "".join(steps))
        assert done.returncode == 0, done.stderr
        assert vendor.apps == ["my-service-live"]
        assert vendor.running() == newest
        shown = [line.split() for line in done.stdout.splitlines()]
        assert shown[0] == ["VERSION", "COMMIT", "TIME", "HOW", "RELEASE", "BY"]
        assert [line[:2] for line in shown[1:3]] == [["*", "v1.1.0"], ["v1.0.0", shown[2][1]]]
        assert shown[3] == [newest], "as JSON"
        recorded = at.git("ls-remote", "origin")
        at.git("remote", "set-url", "origin", "/nowhere.git")
        assert at.run("ops/deploy", "live", "v1.1.0").returncode == 1
        broken = at.run(*shell, glass)
        assert broken.returncode == 0, broken.stderr
        assert vendor.running() == newest
        at.git("remote", "set-url", "origin", "../origin.git")
        assert at.git("ls-remote", "origin") == recorded, "none of it is on record"
        vendor.sick = AllBut(newest)
        rehearsed = at.run(*shell, drill)
        assert rehearsed.returncode == 0, rehearsed.stderr
        assert '"result": "passed"' in rehearsed.stdout
        kept = at.run(*shell, selftest)
        assert kept.returncode == 0, kept.stderr
