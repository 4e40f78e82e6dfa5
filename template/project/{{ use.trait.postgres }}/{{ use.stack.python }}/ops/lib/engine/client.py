"""Questions to the database, by the driver that the service has anyway: no other client has to fit the server."""

from __future__ import annotations

import json
import os
from pathlib import Path

from .process import run
from .variables import Settings

#: The driver looks for a certificate only in a person's home: which one counts is told to it.
SCRIPT = """
import asyncio, json, os, ssl, sys
from urllib.parse import parse_qs, urlsplit
import asyncpg

async def main():
    url = urlsplit(os.environ["DATABASE_URL"])
    query = parse_qs(url.query)
    tls = False
    if query["sslmode"] == ["verify-full"]:
        [authority] = query.get("sslrootcert", [None])
        tls = ssl.create_default_context(cafile=authority)
        if authority:
            tls.verify_flags &= ~ssl.VERIFY_X509_STRICT  # vendors' own are older than that
    asked = json.load(sys.stdin)
    where = url._replace(query="").geturl()
    connection = await asyncpg.connect(where, ssl=tls, timeout=10, command_timeout=30, statement_cache_size=0)
    print(json.dumps([list(row) for row in await connection.fetch(asked["question"], *asked["values"])]))
    await connection.close()

asyncio.run(main())
"""


def need(settings: Settings) -> None:
    """Note what is missing."""
    settings.need_tool("uv", "https://docs.astral.sh/uv")
    if not Path(os.environ.get("UV_PROJECT_ENVIRONMENT") or ".venv").is_dir():
        settings.lack("asyncpg", "ops/setup installs it")


def rows(question: str, url: str, *values: str) -> list[list[str]]:
    """Ask, and give rows whose values are all text."""
    asked = json.dumps({"question": question, "values": values})
    said = run("uv", "run", "--no-sync", "python", "-c", SCRIPT, stdin=asked, environment={"DATABASE_URL": url})
    return list(json.loads(said))
