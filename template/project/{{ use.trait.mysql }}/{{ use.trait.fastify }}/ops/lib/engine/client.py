"""Questions to the database, by the driver that the service has anyway: no other client has to fit the server."""

from __future__ import annotations

import json

from .process import run
from .variables import Settings

SCRIPT = """
import mysql from "mysql2/promise";
import { text } from "node:stream/consumers";

const client = await mysql.createConnection(process.env.DATABASE_URL);
const [rows] = await client.query({ sql: await text(process.stdin), rowsAsArray: true });
console.log(JSON.stringify(rows));
await client.end();
"""


def need(settings: Settings) -> None:
    """Note what is missing."""
    settings.need_tool("node", "https://nodejs.org")


def rows(question: str, url: str) -> list[list[str]]:
    """Ask, and give rows whose values are all text."""
    said = run("node", "--input-type=module", "--eval", SCRIPT, stdin=question, environment={"DATABASE_URL": url})
    return list(json.loads(said))
