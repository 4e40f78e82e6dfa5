"""Questions to the database, by the driver that the service has anyway: no other client has to fit the server."""

from __future__ import annotations

import json

from .process import run
from .variables import Settings

SCRIPT = """
import json, os, sys
from urllib.parse import unquote, urlsplit
import pymysql

url = urlsplit(os.environ["DATABASE_URL"])
user, password, name = (unquote(part or "") for part in (url.username, url.password, url.path[1:]))
with pymysql.connect(host=url.hostname, port=url.port or 3306, user=user, password=password, database=name) as client:
    with client.cursor() as cursor:
        cursor.execute(sys.stdin.read())
        print(json.dumps(cursor.fetchall()))
"""


def need(settings: Settings) -> None:
    """Note what is missing."""
    settings.need_tool("uv", "https://docs.astral.sh/uv")


def rows(question: str, url: str) -> list[list[str]]:
    """Ask, and give rows whose values are all text."""
    said = run("uv", "run", "--no-sync", "python", "-c", SCRIPT, stdin=question, environment={"DATABASE_URL": url})
    return list(json.loads(said))
