"""What tasks report to programs: JSON alone on standard output, words on standard error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Render
from vendors import render as vendor_of
from vendors.base import Machine
from vendors.fly import Fly


@pytest.fixture(params=[Fly, vendor_of.Render])
def at(request: pytest.FixtureRequest, render: Render, tmp_path: Path) -> Iterator[Machine]:
    vendor = request.param()
    with vendor.serving():
        yield Machine.new(vendor, render, tmp_path)


@pytest.mark.slow
def test_releases_are_a_list_of_objects_newest_first(at: Machine) -> None:
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    sick = at.commit("v1.2.0")
    at.vendor.sick = {sick}
    assert at.run("ops/deploy", "live").returncode == 1
    done = at.run("ops/releases", "live", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    listed = json.loads(done.stdout)
    keys = ["version", "commit", "time", "action", "release", "image", "by", "running", "passed"]
    assert {tuple(each) for each in listed} == {tuple(keys)}
    passed = [each for each in listed if each["passed"]]
    assert [(each["version"], each["commit"], each["action"]) for each in passed] == [
        ("v1.1.0", second, "rollback"), ("v1.1.0", second, "deploy"), ("v1.0.0", first, "deploy"),
    ]  # fmt: skip
    newest, *others = listed
    assert newest["running"]
    assert not [each for each in others if each["running"] and each["release"] != newest["release"]]
    assert newest["by"] == "A Developer"
    assert newest["image"].startswith("registry.example.com/team/service@sha256:")
    [unproven] = [each for each in listed if not each["passed"]]
    assert (unproven["action"], unproven["by"], unproven["running"]) == ("unproven", "", False)
    # The same, for people.
    assert len(at.run("ops/releases", "live").stdout.splitlines()) == len(listed) + 1


def test_nothing_released_is_an_empty_list(at: Machine) -> None:
    at.commit("v1.0.0")
    done = at.run("ops/releases", "live", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])


def test_what_fails_prints_no_half_an_answer(at: Machine) -> None:
    at.commit("v1.0.0")
    for arguments, code in {("live", "--json", "--yaml"): 2, ("moon", "--json"): 2}.items():
        done = at.run("ops/releases", *arguments)
        assert (done.returncode, done.stdout) == (code, "")
        assert done.stderr.startswith("releases: ")
    at.git("remote", "set-url", "origin", "/nowhere.git")
    done = at.run("ops/releases", "live", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot read" in done.stderr
