"""Faults that the tests plant in a service: routes of its owner's that do harm.

GET /ok          is well
GET /broken      fails
GET /slow        waits for something for 1.5 s
GET /burn/{ms}   computes for so many milliseconds
GET /leak        keeps 250 MB
GET /write       writes to a disk that is full
GET /hang        never comes back, and lets nothing else run
GET /rows        has a connection of the database for half a second
"""

from __future__ import annotations

from dataclasses import replace

from .extras import EXTRAS

NODE = """\
import { writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { FastifyInstance } from "fastify";

const kept: Buffer[] = [];

function burn(ms: number): void {
  const end = Date.now() + ms;
  while (Date.now() < end);
}

export async function extras(app: FastifyInstance): Promise<void> {
  app.get("/ok", async () => ({}));
  app.get("/broken", async () => {
    throw new Error("planted");
  });
  app.get("/slow", async () => {
    await setTimeout(1500);
    return {};
  });
  app.get<{ Params: { ms: string } }>("/burn/:ms", async (request) => {
    burn(Number(request.params.ms));
    return {};
  });
  app.get("/leak", async () => {
    kept.push(Buffer.alloc(250_000_000, 1));
    return {};
  });
  app.get("/write", async () => {
    writeFileSync("/dev/full", "a line");
    return {};
  });
  app.get("/hang", async () => {
    burn(3_600_000);
    return {};
  });
  app.get("/rows", () => app.database.query("select pg_sleep(0.5)::text"));
}
"""
PYTHON = """\
import asyncio
import time
from pathlib import Path

from fastapi import FastAPI, Request

kept: list[bytes] = []


def _burn(ms: int) -> None:
    end = time.monotonic() + ms / 1000
    while time.monotonic() < end:
        pass


async def ok() -> dict[str, bool]:
    return {}


async def broken() -> None:
    raise RuntimeError("planted")


async def slow() -> dict[str, bool]:
    await asyncio.sleep(1.5)
    return {}


async def burn(ms: int) -> dict[str, bool]:
    _burn(ms)
    return {}


async def leak() -> dict[str, bool]:
    kept.append(b"1" * 250_000_000)
    return {}


async def write() -> dict[str, bool]:
    Path("/dev/full").write_text("a line")
    return {}


async def hang() -> dict[str, bool]:
    _burn(3_600_000)
    return {}


async def rows(request: Request) -> dict[str, bool]:
    await request.app.state.database.query("select pg_sleep(0.5)")
    return {}


def extras(app: FastAPI) -> None:
    for route in (ok, broken, slow, leak, write, hang, rows):
        app.get(f"/{route.__name__}")(route)
    app.get("/burn/{ms}")(burn)
"""
FAULTS = {
    stack: replace(EXTRAS[stack], text=text) for stack, text in (("node", NODE), ("python", PYTHON))
}
