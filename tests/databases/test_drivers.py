"""What drivers want where a service is built."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from mongo import Mongo, mongo
from store import Store

pytestmark = pytest.mark.slow


@pytest.fixture
def server() -> Iterator[Mongo]:
    with mongo() as server:
        yield server


def test_the_driver_of_python_needs_no_compiler_where_it_has_no_wheel(
    store: Store, server: Mongo, tmp_path: Path
) -> None:
    """As on Alpine, where the image is built."""
    made = store.project("python", "-d", "database=atlas", name="python-atlas")
    python, there = made / ".venv/bin/python", tmp_path / "there"
    version = "import pymongo; print(pymongo.version)"
    found = subprocess.check_output([python, "-c", version], text=True).strip()
    install = ["uv", "pip", "install", "--quiet", f"--python={python}", f"--target={there}"]
    without = {**store.environment, "CC": "/nonexistent", "PYTHONPATH": ""}
    source = ["--no-cache", "--no-deps", "--no-binary=pymongo", f"pymongo=={found}"]
    subprocess.run([*install, *source], check=True, env=without)
    script = f"""
import bson, pymongo
assert pymongo.__file__.startswith({str(there)!r}) and not (bson.has_c() or pymongo.has_c())
with pymongo.MongoClient({server.url!r}) as client:
    client.it.notes.insert_one({{"title": "Größe"}})
    assert client.it.notes.find_one()["title"] == "Größe"
"""
    subprocess.run([python, "-c", script], check=True, env={"PYTHONPATH": str(there)})
