"""Questions to the database, by the driver that the service has anyway: no other client has to fit the server."""

from __future__ import annotations

import json
from pathlib import Path

from .process import run
from .variables import Settings

SCRIPT = """
import { json } from "node:stream/consumers";

try {
  const { default: pg } = await import("pg");
  const { question, values } = await json(process.stdin);
  const limits = { connectionTimeoutMillis: 10_000, query_timeout: 30_000 };
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL, ...limits });
  await client.connect();
  const { rows } = await client.query({ text: question, values, rowMode: "array" });
  console.log(JSON.stringify(rows));
  await client.end();
} catch (error) {
  console.error(error.message || error.code);
  process.exit(1);
}
"""


def need(settings: Settings) -> None:
    """Note what is missing."""
    settings.need_tool("node", "https://nodejs.org")
    if not Path("node_modules/pg").is_dir():
        settings.lack("pg", "ops/setup installs it")


def rows(question: str, url: str, *values: str) -> list[list[str]]:
    """Ask, and give rows whose values are all text."""
    asked = json.dumps({"question": question, "values": values})
    said = run("node", "--input-type=module", "--eval", SCRIPT, stdin=asked, environment={"DATABASE_URL": url})
    return list(json.loads(said))
