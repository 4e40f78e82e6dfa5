"""What the how-to on databases says, word for word."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from postgres import postgres

PAGE = ROOT / "docs/how-to/give-the-service-a-database.md"
DOCKER = """#!/bin/sh
[ "$*" = 'compose up --detach --wait database' ]
"""


@pytest.mark.slow
def test_a_service_with_a_database_passes_its_tests(tmp_path: Path) -> None:
    """The server is one of ours, as there is no image of it; what it is asked for is seen."""
    block = re.search(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert block
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    with postgres() as server:
        path = f"{docker.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-euc", block[1]], cwd=tmp_path, stdin=subprocess.DEVNULL, check=False,
            capture_output=True, text=True,
            env={**os.environ, "PATH": path, "DATABASE_URL": server.url},
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "database.test.ts" in done.stdout
