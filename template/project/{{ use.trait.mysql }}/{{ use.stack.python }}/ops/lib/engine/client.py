"""Questions to the database, by the driver that the service has anyway: no other client has to fit the server."""

from __future__ import annotations

import json
import os
from pathlib import Path

from .process import run
from .variables import Settings

#: What the address says of TLS is for dbmate: here it is told to the driver.
SCRIPT = """
import json, os, ssl, sys
from urllib.parse import parse_qs, unquote, urlsplit
import pymysql

url = urlsplit(os.environ["DATABASE_URL"])
query = parse_qs(url.query)
tls = None
if "tls" in query:
    [authority] = query.get("ca", [None])
    tls = ssl.create_default_context(cafile=authority)
    if authority:
        tls.verify_flags &= ~ssl.VERIFY_X509_STRICT  # vendors' own are older than that

asked = json.load(sys.stdin)
question, values = asked["question"], asked["values"]
if values:
    question = question.replace("?", "%s")
user, password, name = (unquote(part or "") for part in (url.username, url.password, url.path[1:]))
options = {"charset": "utf8mb4", "autocommit": True, "connect_timeout": 10, "read_timeout": 30, "ssl": tls}
where = {"host": url.hostname, "port": url.port or 3306, "database": name}
with pymysql.connect(user=user, password=password, **where, **options) as client:
    with client.cursor() as cursor:
        cursor.execute(question, values or None)
        print(json.dumps(cursor.fetchall()))
"""


def need(settings: Settings) -> None:
    """Note what is missing."""
    settings.need_tool("uv", "https://docs.astral.sh/uv")
    if not Path(os.environ.get("UV_PROJECT_ENVIRONMENT") or ".venv").is_dir():
        settings.lack("pymysql", "ops/setup installs it")


def rows(question: str, url: str, *values: str) -> list[list[str]]:
    """Ask, and give rows whose values are all text."""
    asked = json.dumps({"question": question, "values": values})
    said = run("uv", "run", "--no-sync", "python", "-c", SCRIPT, stdin=asked, environment={"DATABASE_URL": url})
    return list(json.loads(said))
