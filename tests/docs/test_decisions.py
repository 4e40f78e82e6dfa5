"""What decisions say of the tests is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

PAGE = ROOT / "docs/decisions/0016-proofs-where-they-belong.md"


def collected(*options: str, folder: str = "tests/runners") -> set[str]:
    """Give the tests that a command would run, of those that have some for the night."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "--collect-only", "-q", *options, folder],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode in (0, pytest.ExitCode.NO_TESTS_COLLECTED), done.stdout + done.stderr
    return {line for line in done.stdout.splitlines() if "::" in line}


def test_what_only_runs_by_night_has_its_reason_in_the_table() -> None:
    column = re.findall(r"^\|([^|]*)\|", PAGE.read_text("utf-8"), re.MULTILINE)
    named = set(re.findall(r"`(tests/\S+\.py)`", "\n".join(column)))
    marked = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.glob("tests/**/*.py")
        if re.search(r"mark\.nightly|by_night\(", path.read_text("utf-8"))
        and path not in (ROOT / "tests/conftest.py", Path(__file__))  # which bring and look for it
    }
    assert marked == named


@pytest.mark.slow  # it takes collecting all tests three times
def test_no_other_mark_asks_for_it() -> None:
    nightly = collected("-m", "nightly")
    assert nightly
    assert not nightly & (collected("-m", "slow") | collected())


@pytest.mark.slow  # as the one above
def test_images_have_to_be_asked_for() -> None:
    """By night, too: one process makes them all."""
    assert collected("-m", "nightly and image", folder="tests/images")
    assert collected("-m", "image", folder="tests/images")
    for marks in ("nightly", "slow", "nightly and not image"):
        assert not collected("-m", marks, folder="tests/images")
