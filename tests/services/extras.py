"""What the owner of a project could add to it: a plugin with slow and failing routes and a check.

GET /slow/{ms}   answers after so many milliseconds
GET /broken      fails with an unexpected error, which carries a secret field
GET /secrets     logs secrets in fields, at several depths
the check `database`, which does what the variable DATABASE says: ok, fail or hang
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

NODE = """\
import { setTimeout } from "node:timers/promises";
import type { FastifyInstance } from "fastify";

class DiskError extends Error {
  password = "s3cret-of-an-error";
}

export async function extras(app: FastifyInstance): Promise<void> {
  app.readinessChecks.set("database", async () => {
    if (process.env["DATABASE"] === "fail") throw new Error("refused by db.internal");
    if (process.env["DATABASE"] === "hang") await setTimeout(60_000);
  });
  app.get<{ Params: { ms: string } }>("/slow/:ms", async (request) => {
    await setTimeout(Number(request.params.ms));
    return { finished: true };
  });
  app.get("/broken", async () => {
    throw new DiskError("the disk is on fire");
  });
  app.get("/secrets", async (request) => {
    request.log.info(
      {
        apiToken: "s3cret-1",
        db: { host: "db", password: "s3cret-2" },
        list: [{ Cookie: "s3cret-3" }],
        account: { toJSON: () => ({ user: "ada", password: "s3cret-4" }) },
        database: "postgres://ada:s3cret-5@db/app",
      },
      "with secrets",
    );
    return {};
  });
}
"""
PYTHON = """\
import asyncio
import os
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from app.logs import log


class Account(BaseModel):
    user: str
    password: str


class DiskError(RuntimeError):
    password = "s3cret-of-an-error"


async def check() -> None:
    if os.environ.get("DATABASE") == "fail":
        raise RuntimeError("refused by db.internal")
    if os.environ.get("DATABASE") == "hang":
        await asyncio.sleep(60)


async def slow(ms: int) -> dict[str, bool]:
    await asyncio.sleep(ms / 1000)
    return {"finished": True}


async def broken() -> None:
    raise DiskError("the disk is on fire")


async def secrets() -> dict[str, Any]:
    log.info(
        "with secrets",
        apiToken="s3cret-1",
        db={"host": "db", "password": "s3cret-2"},
        list=[{"Cookie": "s3cret-3"}],
        account=Account(user="ada", password="s3cret-4"),
        database="postgres://ada:s3cret-5@db/app",
    )
    return {}


def extras(app: FastAPI) -> None:
    app.state.health.checks["database"] = check
    app.get("/slow/{ms}")(slow)
    app.get("/broken")(broken)
    app.get("/secrets")(secrets)
"""


@dataclass(frozen=True)
class Extras:
    """What is added to a project: a file, and its name to the list of what is mounted."""

    file: str
    text: str
    mounts: str
    imported: str
    first: str

    def add_to(self, folder: Path) -> None:
        """Do by hand what the template does for a layer that mounts something."""
        (folder / self.file).write_text(self.text)
        mounts = folder / self.mounts
        listed, found = re.subn(self.first, r"\1extras, ", mounts.read_text())
        assert found == 1, listed
        mounts.write_text(self.imported + listed)


_NODE = Extras(
    "src/extras.ts", NODE, "src/mounts.ts", 'import { extras } from "./extras.ts";\n', r"(= \[)"
)
EXTRAS = {
    "node": _NODE,
    "python": Extras(
        "app/extras.py", PYTHON, "app/mounts.py", "from app.extras import extras\n", r"(= \()"
    ),
    "fullstack": _NODE,
}
