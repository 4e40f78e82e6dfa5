"""Questions to the database, by the driver that the service has anyway: no other client has to fit the server."""

from __future__ import annotations

import json

from .process import run
from .variables import Settings

SCRIPT = """
import asyncio, json, os, sys
import asyncpg

async def main():
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    print(json.dumps([list(row) for row in await connection.fetch(sys.stdin.read())]))
    await connection.close()

asyncio.run(main())
"""


def need(settings: Settings) -> None:
    """Note what is missing."""
    settings.need_tool("uv", "https://docs.astral.sh/uv")


def rows(question: str, url: str) -> list[list[str]]:
    """Ask, and give rows whose values are all text."""
    said = run("uv", "run", "--no-sync", "python", "-c", SCRIPT, stdin=question, environment={"DATABASE_URL": url})
    return list(json.loads(said))
