"""Questions to the database, by the driver that the service has anyway: no other client has to fit the server."""

from __future__ import annotations

import json
from pathlib import Path

from .process import run
from .variables import Settings

#: What the address says of TLS is for dbmate: here it is told to the driver.
SCRIPT = """
import { readFileSync } from "node:fs";
import { json } from "node:stream/consumers";

try {
  const { default: mysql } = await import("mysql2/promise");
  const { question, values } = await json(process.stdin);
  const { hostname: host, port, username, password, pathname, searchParams } = new URL(process.env.DATABASE_URL);
  const [user, word, database] = [username, password, pathname.slice(1)].map(decodeURIComponent);
  const ca = searchParams.has("ca") ? readFileSync(searchParams.get("ca")) : undefined;
  const ssl = searchParams.has("tls") ? { ca, rejectUnauthorized: true, verifyIdentity: true } : undefined;
  const options = { host, port: Number(port || 3306), user, password: word, database, ssl, charset: "utf8mb4" };
  const client = await mysql.createConnection({ ...options, connectTimeout: 10_000 });
  const [rows] = await client.query({ sql: question, values, rowsAsArray: true, timeout: 30_000 });
  console.log(JSON.stringify(Array.isArray(rows) ? rows : []));
  await client.end();
} catch (error) {
  console.error(error.message || error.code);
  process.exit(1);
}
"""


def need(settings: Settings) -> None:
    """Note what is missing."""
    settings.need_tool("node", "https://nodejs.org")
    if not Path("node_modules/mysql2").is_dir():
        settings.lack("mysql2", "ops/setup installs it")


def rows(question: str, url: str, *values: str) -> list[list[str]]:
    """Ask, and give rows whose values are all text."""
    asked = json.dumps({"question": question, "values": values})
    said = run("node", "--input-type=module", "--eval", SCRIPT, stdin=asked, environment={"DATABASE_URL": url})
    return list(json.loads(said))
