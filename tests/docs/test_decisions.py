"""What decisions say of the tests is so."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from conftest import ROOT

PAGE = ROOT / "docs/decisions/0016-proofs-where-they-belong.md"


def collected(*options: str) -> set[str]:
    """Give the tests that a command would run, of those that have some for the night."""
    folder = "tests/runners"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "--collect-only", "-q", *options, folder],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return {line for line in done.stdout.splitlines() if "::" in line}


def test_what_only_runs_by_night_has_its_reason_in_the_table() -> None:
    column = re.findall(r"^\|([^|]*)\|", PAGE.read_text("utf-8"), re.MULTILINE)
    named = set(re.findall(r"`(tests/\S+\.py)`", "\n".join(column)))
    marked = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.glob("tests/**/*.py")
        if "mark.nightly" in path.read_text("utf-8") and path.name != "test_decisions.py"
    }
    assert marked == named


@pytest.mark.slow  # it takes collecting all tests three times
def test_no_other_mark_asks_for_it() -> None:
    nightly = collected("-m", "nightly")
    assert nightly
    assert not nightly & (collected("-m", "slow") | collected())
