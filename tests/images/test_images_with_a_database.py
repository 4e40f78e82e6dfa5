"""Images of services with a database: what the driver adds, and that it answers on musl.

Each is built once, from a project as it is generated, and runs on the machine's own network, as the
servers listen on loopback alone.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from engine import Docker, Image
from ports import free_port
from servers import KINDS, SERVERS
from sizes import held

pytestmark = pytest.mark.image


@dataclass(frozen=True)
class Built:
    """A project as `scaffold new` leaves it, and its image."""

    folder: Path
    database: str
    engine: str
    stack: str
    image: Image


@pytest.fixture(
    scope="module", params=KINDS, ids=[f"{stack}-{database}" for database, _, stack in KINDS]
)
def built(
    request: pytest.FixtureRequest, docker: Docker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Built]:
    database, engine, stack = request.param
    folder = tmp_path_factory.mktemp(database) / f"{stack}-{database}"
    done = subprocess.run(
        [
            sys.executable, "-m", "scaffold", "new", folder.name, f"--into={folder.parent}",
            "--defaults", f"--data=stack={stack}", f"--data=database={database}",
        ],
        check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    image = docker.build(folder, f"scaffold-test-{folder.name}")
    yield Built(folder, database, engine, stack, image)
    docker.run("image", "rm", "--force", image.name)


def test_with_its_driver_it_adds_no_more_to_its_base_than_without(built: Built) -> None:
    held(built.image, f"{built.stack}, {built.database}")


def test_it_writes_and_reads_by_its_driver(built: Built) -> None:
    with SERVERS[built.engine]() as server:
        url = f"{server.url.rpartition('/')[0]}/notes"
        if built.engine != "mongo":  # where a collection comes with its first document
            server.make("notes", built.folder)
        image = replace(built.image, docker=replace(built.image.docker, network="host"))
        with image.started(APP_ENV="local", PORT=str(free_port()), DATABASE_URL=url) as container:
            container.ready()
            assert container.get("/notes")[1]["total"] == 2, (
                "mock data, as on a developer's machine"
            )
