"""The commands of two pages on deploys, word for word, on Fly.io."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from conftest import ROOT, Render
from store import Store
from vendors.base import AllBut, Machine
from vendors.fly import Fly

PAGE = ROOT / "docs/how-to/deploy-and-roll-back.md"
SECRET = ROOT / "docs/how-to/give-the-service-a-secret.md"


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


class Revoked(set[str]):
    """Every commit, while the service has a key that is good no more."""

    def __init__(self, vendor: Fly, key: str) -> None:
        self.vendor = vendor
        self.key = key

    def __contains__(self, commit: object) -> bool:
        """Say whether a commit is sick."""
        return self.vendor.environ().get("PAYMENTS_KEY") == self.key


@pytest.mark.slow
def test_a_service_gets_a_secret_and_another_in_its_place(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Machine, "limit", 600)  # its tests are run, too
    text = SECRET.read_text("utf-8")
    (code,) = re.findall(r"^```ts\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    document, deploy = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    vendor = Fly()
    with vendor.serving():
        shutil.copytree(store.project("node"), tmp_path / "project", symlinks=True)
        (tmp_path / "bin").mkdir()
        told = Machine.told(vendor, tmp_path, tmp_path / "bin")
        at = Machine(tmp_path / "project", told, tmp_path / "bin", vendor)
        at.environment["PATH"] += f"{os.pathsep}{store.environment['PATH']}"
        at.equip()
        at.git("init", "--quiet", "--bare", "../origin.git")
        at.git("remote", "add", "origin", "../origin.git")
        shell = (shutil.which("dash") or "sh", "-euc")

        (at.project / "src/variables.ts").write_text(code)
        done = at.run(*shell, document)
        assert done.returncode == 0, done.stdout + done.stderr
        early = at.run("ops/settings", "live")
        assert early.returncode == 1
        (at.project / ".env.live").write_text("PAYMENTS_KEY=first-key-of-the-provider\n")
        done = at.run(*shell, deploy)
        assert done.returncode == 0, done.stderr
        assert vendor.environ()["PAYMENTS_KEY"] == "first-key-of-the-provider"

        # Rotated, and the first one revoked.
        at.deploy("v1.1.0")
        (at.project / ".env.live").write_text("PAYMENTS_KEY=second-key-of-the-provider\n")
        done = at.run("ops/settings", "live", "push")
        assert done.returncode == 0, done.stderr
        vendor.sick = Revoked(vendor, "first-key-of-the-provider")
        assert at.run("ops/smoke", vendor.url).returncode == 0
        done = at.run("ops/rollback", "live")
        assert done.returncode == 0, done.stderr
        assert vendor.environ()["PAYMENTS_KEY"] == "second-key-of-the-provider"

        # Of another name in the code, everything that names it is wrong.
        (at.project / "src/variables.ts").write_text(code.replace("PAYMENTS_KEY", "PAY_KEY"))
        renamed = at.run("npx", "vitest", "run", "test/unit/env-examples.test.ts")
        assert renamed.returncode == 1
        assert "PAY_KEY" in renamed.stdout + renamed.stderr
        example = at.project / ".env.example"
        example.write_text(example.read_text().replace("PAYMENTS_KEY", "PAY_KEY"))
        checked = at.run("ops/settings", "live")
        assert checked.returncode == 1
        assert "PAY_KEY: missing" in checked.stderr
        assert "PAYMENTS_KEY: not in .env.example" in checked.stderr
