"""What is particular to images on Vercel; sites are in tests/template/test_static.py."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Render
from vendors.base import Machine
from vendors.vercel import Vercel


@pytest.fixture
def at(render: Render, tmp_path: Path) -> Iterator[Machine]:
    """A new service on Vercel."""
    vendor = Vercel()
    with vendor.serving():
        project = render(stack="python", ci="gitlab", hosting="vercel")
        shell = shutil.which("dash") or pytest.skip("needs dash")
        yield Machine.new(project, vendor, tmp_path / "bin", shell)


def test_the_tested_image_is_copied_to_the_registry_of_vercel_under_its_digest(
    at: Machine, tmp_path: Path
) -> None:
    commit = at.deploy("v1.0.0")
    digest = f"sha256:{commit}{'0' * 24}"
    [copied] = [
        line for line in (tmp_path / "skopeo.log").read_text().splitlines() if " copy " in line
    ]
    assert "--preserve-digests" in copied
    assert copied.endswith(
        f"docker://registry.example.com/team/service@{digest}"
        f" docker://vcr.vercel.com/my-team/my-service-live/service:{commit}"
    )
    assert isinstance(at.vendor, Vercel)
    assert at.vendor.deployments[0]["image"].endswith(f"/service@{digest}")


def test_the_project_of_another_environment_is_refused_before_anything_is_copied(
    at: Machine, tmp_path: Path
) -> None:
    assert isinstance(at.vendor, Vercel)
    at.vendor.name = "my-service-testbed"
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "VERCEL_PROJECT_ID is not the project of live" in done.stderr
    assert " copy " not in (tmp_path / "skopeo.log").read_text()
    assert at.vendor.changes() == []
