"""What the how-to on databases says, word for word."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, readme_commands
from postgres import postgres
from servers import IN_TURNS, KINDS, SERVERS
from store import Store

PAGE = ROOT / "docs/how-to/give-the-service-a-database.md"
#: Each database with the stack that tests/databases/test_ledger.py leaves to the night.
THE_OTHERS = [kind for kind in KINDS if kind not in IN_TURNS]
#: And by night one with pages, whose service is Node's.
WITH_PAGES = pytest.param((*KINDS[0][:2], "fullstack"), marks=pytest.mark.nightly)
DOCKER = """#!/bin/sh
[ "$*" = 'compose up --detach --wait database' ]
"""


def copied(source: str, target: str) -> None:
    """Copy a file that may be written to; what is installed is linked."""
    installed = {"node_modules", ".venv"} & {*Path(source).parts}
    (os.link if installed else shutil.copy2)(source, target)


@pytest.mark.slow
def test_a_service_with_a_database_passes_its_tests(store: Store, tmp_path: Path) -> None:
    """The server is one of ours, as there is no image of it; what it is asked for is seen."""
    block = re.search(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert block
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    with postgres() as server:
        path = f"{docker.parent}:{store.environment['PATH']}"
        done = subprocess.run(
            ["sh", "-euc", block[1]], cwd=tmp_path, stdin=subprocess.DEVNULL, check=False,
            capture_output=True, text=True,
            env={**store.environment, "PATH": path, "DATABASE_URL": server.url},
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "database.test.ts" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*THE_OTHERS, WITH_PAGES], ids=lambda it: f"{it[0]}-{it[2]}")
def test_a_team_that_replaces_the_example_has_a_green_suite(
    kind: tuple[str, str, str], store: Store, tmp_path: Path
) -> None:
    """As the README of a project says it, its tables among it."""
    option, engine, stack = kind
    made = store.project(stack, "-d", f"database={option}", name=f"{stack}-{option}")
    project = tmp_path / "my-service"
    shutil.copytree(made, project, symlinks=True, copy_function=copied)
    blocks = readme_commands(project, "What is yours")
    assert any("db/migrations" in block for block in blocks)
    with SERVERS[engine]() as server:
        done = subprocess.run(
            ["sh", "-euc", "\n".join([*blocks, "ops/lint", "ops/test"])], cwd=project,
            env={**store.environment, "DATABASE_URL": server.url, "NO_COLOR": "1"}, check=False,
            capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "orders" in done.stdout
