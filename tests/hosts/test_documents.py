"""The commands of docs/how-to/deploy-and-roll-back.md, word for word, on Fly.io."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from conftest import ROOT, Render
from test_scenarios import AllBut
from vendors.base import Machine
from vendors.fly import Fly

PAGE = ROOT / "docs/how-to/deploy-and-roll-back.md"


@pytest.mark.slow
def test_the_commands_of_the_page_do_what_it_says(render: Render, tmp_path: Path) -> None:
    vendor = Fly()
    commands = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    *steps, drill = commands
    with vendor.serving():
        at = Machine.new(vendor, render, tmp_path)
        at.commit("v1.0.0")
        newest = at.commit("v1.1.0")
        done = at.run(shutil.which("dash") or "sh", "-euc", "".join(steps))
        assert done.returncode == 0, done.stderr
        assert vendor.apps == ["my-service-live"]
        assert vendor.running() == newest
        shown = [line.split() for line in done.stdout.splitlines()]
        assert shown[0] == ["VERSION", "COMMIT", "TIME", "HOW", "RELEASE", "BY"]
        assert [line[:2] for line in shown[1:]] == [["*", "v1.1.0"], ["v1.0.0", shown[2][1]]]
        vendor.sick = AllBut(newest)
        rehearsed = at.run(shutil.which("dash") or "sh", "-euc", drill)
        assert rehearsed.returncode == 0, rehearsed.stderr
        assert '"result": "passed"' in rehearsed.stdout
