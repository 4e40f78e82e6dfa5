"""Repositories that no template made, small and of differing shape, with what they show.

Each runs its own tests with Node or Python alone: what the frameworks do is behind a function
or a stub, so that nothing has to be installed, and the tests import the repository's own code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scaffold.adopt.evidence import Confidence

#: An answer and how sure it is.
Label = tuple[Any, Confidence]

NODE = ("node", "--test")
PYTHON = ("python", "-m", "unittest", "discover")
NOTHING: Label = (None, "unsure")


@dataclass(frozen=True)
class Repository:
    """A repository and what is to be seen in it.

    Attributes:
        folder: What its folder is called.
        files: What it tracks, by path.
        labels: The guesses that this template should make, by question.
        check: The command that runs its own tests, in the project's folder.
        project: The folder that is adopted, in the repository.
        executables: Which files can be run.
        links: Its symlinks, by path.
    """

    folder: str
    files: Mapping[str, str | bytes]
    labels: Mapping[str, Label]
    check: tuple[str, ...]
    project: str = ""
    executables: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)

    def write(self, parent: Path) -> Path:
        """Write it, and give its folder. It is no git repository yet."""
        top = parent / self.folder
        for name, content in self.files.items():
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            path.chmod(0o755 if name in self.executables else 0o644)
        for name, target in self.links.items():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).symlink_to(target)
        return top


def crlf(text: str) -> str:
    """Give a text as an editor on Windows writes it."""
    return text.replace("\n", "\r\n")


MIT = """\
MIT License

Copyright (c) 2021 Ada Example

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software.
"""
APACHE = """\
                                 Apache License
                           Version 2.0, January 2004
                        http://www.apache.org/licenses/

   TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION
"""
BSD = """\
Copyright (c) 2019, Ada Example
All rights reserved.

Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:
"""
NPM_LOCK = """\
{
  "name": "%s",
  "lockfileVersion": 3,
  "requires": true,
  "packages": {}
}
"""

EXPRESS = Repository(
    "orders-api",
    {
        "package.json": """\
{
  "name": "@acme/orders",
  "version": "2.3.0",
  "description": "Takes orders and tells the warehouse",
  "author": "Ada Example <ada@example.com> (https://example.com)",
  "main": "index.js",
  "scripts": {
    "start": "node index.js",
    "test": "node --test"
  },
  "dependencies": {
    "express": "^4.21.0"
  }
}
""",
        "package-lock.json": NPM_LOCK % "@acme/orders",
        "index.js": """\
const express = require("express");
const { createApp } = require("./lib/app");

createApp(express()).listen(process.env.PORT || 3000);
""",
        "lib/app.js": """\
const { total } = require("./total");

function createApp(app) {
  app.get("/health", (request, response) => response.json({ ok: true }));
  app.post("/orders", (request, response) => response.json({ total: total(request.body) }));
  return app;
}

module.exports = { createApp };
""",
        "lib/total.js": """\
exports.total = (lines) => lines.reduce((sum, line) => sum + line.price * line.count, 0);
""",
        "test/app.test.js": """\
const assert = require("node:assert");
const { test } = require("node:test");
const { createApp } = require("../lib/app");

test("an order has a total", () => {
  const routes = {};
  createApp({
    get: (path, handler) => (routes[`GET ${path}`] = handler),
    post: (path, handler) => (routes[`POST ${path}`] = handler),
  });
  let sent;
  const lines = [{ price: 2, count: 3 }];
  routes["POST /orders"]({ body: lines }, { json: (body) => (sent = body) });
  assert.deepStrictEqual(sent, { total: 6 });
});
""",
        "README.md": "# Orders\n\nStart it with `npm start`.\n",
        ".gitignore": "node_modules\n",
    },
    {
        "stack": ("node", "sure"),
        "ci": NOTHING,
        "hosting": NOTHING,
        "license": NOTHING,
        "project_name": ("orders", "sure"),
        "description": ("Takes orders and tells the warehouse", "sure"),
        "owner": ("Ada Example", "likely"),
    },
    NODE,
)

EXPRESS_DOCKER_GITHUB = Repository(
    "shortener",
    {
        "package.json": """\
{
    "name": "Link_Shortener",
    "version": "0.9.1",
    "private": true,
    "license": "MIT",
    "scripts": { "start": "node src/server.js", "test": "node --test test/" },
    "dependencies": { "express": "5.1.0" }
}
""",
        "package-lock.json": NPM_LOCK % "Link_Shortener",
        "src/server.js": """\
const express = require("express");
const { Links } = require("./links.js");

const links = new Links();
const app = express();
app.get("/:key", (request, response) => response.redirect(links.find(request.params.key)));
app.listen(8080);
""",
        "src/links.js": """\
class Links {
  #links = new Map();

  add(url) {
    const key = this.#links.size.toString(36);
    this.#links.set(key, url);
    return key;
  }

  find(key) {
    return this.#links.get(key);
  }
}

module.exports = { Links };
""",
        "test/links.js": """\
const assert = require("node:assert");
const test = require("node:test");
const { Links } = require("../src/links.js");

test("a link is found by its key", () => {
  const links = new Links();
  assert.strictEqual(links.find(links.add("https://example.com")), "https://example.com");
});
""",
        "Dockerfile": """\
FROM node:22
WORKDIR /srv
COPY . .
RUN npm ci
CMD ["node", "src/server.js"]
""",
        "docker-compose.yml": "services:\n  web:\n    build: .\n    ports: ['8080:8080']\n",
        ".github/workflows/test.yaml": """\
name: test
on: [push]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: npm ci && npm run build --if-present && npm test
""",
        "LICENSE": MIT,
        "README.md": "# Shortener\n",
    },
    {
        "stack": ("node", "sure"),
        "ci": ("github", "sure"),
        "hosting": NOTHING,
        "license": ("mit", "sure"),
        "project_name": ("link-shortener", "likely"),
        "description": NOTHING,
        "owner": NOTHING,
    },
    ("node", "--test", "test/links.js"),
)

KOA_YARN = Repository(
    "koa-geo",
    {
        "package.json": """\
{
  "name": "geo",
  "version": "1.0.0",
  "author": { "name": "Team Maps", "email": "maps@example.com" },
  "packageManager": "yarn@4.9.2",
  "scripts": { "serve": "koa-dev", "test": "node --test" },
  "dependencies": { "@koa/router": "^13.0.0", "koa": "^2.16.0" }
}
""",
        "yarn.lock": """\
# This file is generated by running "yarn install" inside your project.

__metadata:
  version: 8

"geo@workspace:.":
  version: 0.0.0-use.local
  resolution: "geo@workspace:."
  languageName: unknown
  linkType: soft
""",
        ".yarnrc.yml": "nodeLinker: node-modules\n",
        "app.js": """\
const Koa = require("koa");
const { near } = require("./geo/distance");

new Koa().use((context) => (context.body = near(context.query))).listen(3000);
""",
        "geo/distance.js": """\
exports.distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
exports.near = ({ x, y }) => exports.distance({ x, y }, { x: 0, y: 0 }) < 10;
""",
        "geo/distance.test.js": """\
const assert = require("node:assert");
const { it } = require("node:test");
const { distance, near } = require("./distance");

it("measures", () => assert.strictEqual(distance({ x: 0, y: 0 }, { x: 3, y: 4 }), 5));
it("compares", () => assert.ok(near({ x: 1, y: 1 })));
""",
        "LICENSE.txt": APACHE,
        "readme.md": "geo\n===\n",
    },
    {
        "stack": ("node", "sure"),
        "ci": NOTHING,
        "hosting": NOTHING,
        "license": ("apache", "sure"),
        "project_name": ("geo", "sure"),
        "owner": ("Team Maps", "likely"),
    },
    NODE,
)

NEST_PNPM = Repository(
    "billing",
    {
        "package.json": """\
{
  "name": "billing-service",
  "version": "0.0.1",
  "description": "",
  "author": "",
  "private": true,
  "license": "UNLICENSED",
  "scripts": {
    "build": "nest build",
    "start": "nest start",
    "start:prod": "node dist/main",
    "test": "node --test"
  },
  "dependencies": {
    "@nestjs/common": "^11.0.1",
    "@nestjs/core": "^11.0.1",
    "@nestjs/platform-express": "^11.0.1",
    "reflect-metadata": "^0.2.2",
    "rxjs": "^7.8.1"
  },
  "devDependencies": { "@nestjs/cli": "^11.0.0", "typescript": "^5.7.3" }
}
""",
        "pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
        "nest-cli.json": '{ "collection": "@nestjs/schematics", "sourceRoot": "src" }\n',
        "tsconfig.json": """\
{
  "compilerOptions": {
    "module": "commonjs",
    "target": "ES2023",
    "emitDecoratorMetadata": true,
    "experimentalDecorators": true,
    "outDir": "./dist"
  }
}
""",
        "src/main.ts": """\
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module';

void NestFactory.create(AppModule).then((app) => app.listen(3000));
""",
        "src/app.module.ts": """\
import { Module } from '@nestjs/common';
import { InvoicesController } from './invoices/invoices.controller';

@Module({ controllers: [InvoicesController] })
export class AppModule {}
""",
        "src/invoices/invoices.controller.ts": """\
import { Controller, Get, Query } from '@nestjs/common';
import { gross } from './tax';

@Controller('invoices')
export class InvoicesController {
  @Get('gross')
  gross(@Query('net') net: string): number {
    return gross(Number(net));
  }
}
""",
        "src/invoices/tax.ts": """\
export const gross = (net: number, rate: number = 0.2): number => net * (1 + rate);
""",
        "src/invoices/tax.test.mts": """\
import assert from 'node:assert';
import { test } from 'node:test';
import { gross } from './tax.ts';

test('adds the tax', () => assert.strictEqual(gross(100), 120));
""",
        ".eslintrc.js": "module.exports = { root: true };\n",
        ".prettierrc": '{ "singleQuote": true }\n',
    },
    {
        "stack": ("node", "sure"),
        "ci": NOTHING,
        "hosting": NOTHING,
        "license": ("proprietary", "sure"),
        "project_name": ("billing-service", "sure"),
        "description": NOTHING,
        "owner": NOTHING,
    },
    NODE,
)

FASTIFY_GITLAB_FLY = Repository(
    "fastify-weather",
    {
        "package.json": """\
{
\t"name": "weather",
\t"type": "module",
\t"description": "Weather for bees 🐝",
\t"engines": { "node": ">=20" },
\t"scripts": { "start": "node server.js" },
\t"dependencies": { "fastify": "^5.2.0" },
\t"license": "Apache-2.0"
}
""",
        "server.js": """\
import Fastify from "fastify";
import { forecast } from "./forecast.js";

const server = Fastify();
server.get("/", async ({ query }) => forecast(query.celsius));
await server.listen({ port: 8080, host: "::" });
""",
        "forecast.js": """\
export const forecast = (celsius) => (celsius < 10 ? "stay in the hive" : "fly");
""",
        "forecast.test.js": """\
import assert from "node:assert";
import { test } from "node:test";
import { forecast } from "./forecast.js";

test("bees stay in when it is cold", () => assert.match(forecast(3), /hive/));
""",
        ".gitlab-ci.yml": "test:\n  image: node:22\n  script:\n    - node --test\n",
        "fly.toml": """\
app = "weather"
primary_region = "fra"

[http_service]
internal_port = 8080
""",
        "Dockerfile": 'FROM node:22-slim\nCOPY . .\nCMD ["node", "server.js"]\n',
        ".dockerignore": "node_modules\n",
        "LICENSE": APACHE,
    },
    {
        "stack": ("node", "sure"),
        "ci": ("gitlab", "sure"),
        "hosting": ("fly", "sure"),
        "license": ("apache", "sure"),
        "project_name": ("weather", "sure"),
        "description": ("Weather for bees 🐝", "sure"),
    },
    NODE,
)

HONO_RENDER = Repository(
    "Feeds",
    {
        "package.json": """\
{
  "type": "module",
  "license": "MIT",
  "scripts": { "dev": "tsx watch feeds/index.ts" },
  "dependencies": { "@hono/node-server": "^1.13.0", "hono": "^4.6.0" },
  "devDependencies": { "tsx": "^4.19.0" }
}
""",
        "feeds/index.ts": """\
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { feed } from "./feed.ts";

const app = new Hono();
app.get("/feed", (context) => context.body(feed([])));
serve(app);
""",
        "feeds/feed.ts": """\
export function feed(titles: string[]): string {
  return `<feed>${titles.map((title) => `<title>${title}</title>`).join("")}</feed>`;
}
""",
        "tests/feed.test.ts": """\
import assert from "node:assert";
import { test } from "node:test";
import { feed } from "../feeds/feed.ts";

test("a feed has titles", () => assert.strictEqual(feed(["a"]), "<feed><title>a</title></feed>"));
""",
        "render.yaml": """\
services:
  - type: web
    name: feeds
    runtime: node
    startCommand: npx tsx feeds/index.ts
""",
        ".env.example": "TOKEN=\n",
    },
    {
        "stack": ("node", "sure"),
        "ci": NOTHING,
        "hosting": ("render", "sure"),
        "license": ("mit", "sure"),
        "project_name": ("feeds", "likely"),
        "description": NOTHING,
    },
    NODE,
)

MONOREPO = Repository(
    "platform",
    {
        "package.json": '{ "private": true, "workspaces": ["services/*"] }\n',
        "package-lock.json": NPM_LOCK % "platform",
        "LICENSE": MIT,
        ".github/workflows/ci.yml": """\
on: push
jobs:
  mail:
    runs-on: ubuntu-latest
    steps: [{ run: npm test --workspaces }]
""",
        ".editorconfig": "root = true\n\n[*]\nindent_size = 4\n",
        "services/mail/package.json": """\
{
  "name": "@platform/mail",
  "main": "mail.js",
  "scripts": { "start": "node --enable-source-maps mail.js", "test": "node --test" }
}
""",
        "services/mail/mail.js": """\
const { createServer } = require("node:http");
const { greeting } = require("./greeting");

module.exports = createServer((request, response) => response.end(greeting(request.url)));
if (require.main === module) module.exports.listen(3000);
""",
        "services/mail/greeting.js": """\
module.exports.greeting = (path) => `Dear ${path.slice(1)},\\n`;
""",
        "services/mail/mail.test.js": """\
const assert = require("node:assert");
const { once } = require("node:events");
const { test } = require("node:test");
const server = require("./mail");

test("greets over HTTP", async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/Ada`);
  assert.strictEqual(await answer.text(), "Dear Ada,\\n");
  server.close();
});
""",
        "services/search/package.json": '{ "name": "@platform/search" }\n',
    },
    {
        "stack": ("node", "sure"),
        "ci": NOTHING,  # a pipeline above the project's folder is not the project's
        "hosting": NOTHING,
        "license": NOTHING,
        "project_name": ("mail", "sure"),
    },
    NODE,
    project="services/mail",
)

FLASK_PIP = Repository(
    "flask_shop",
    {
        "requirements.txt": "# the web\nFlask==3.1.0\ngunicorn\n",
        "app.py": """\
from shop.prices import gross


def create_app():
    from flask import Flask, request

    app = Flask(__name__)
    app.add_url_rule("/gross", view_func=lambda: str(gross(int(request.args["net"]))))
    return app
""",
        "shop/__init__.py": "",
        "shop/prices.py": "def gross(net, rate=20):\n    return net * (100 + rate) / 100\n",
        "test_prices.py": """\
import unittest

from shop.prices import gross


class Prices(unittest.TestCase):
    def test_gross(self):
        self.assertEqual(gross(100), 120)


class App(unittest.TestCase):
    def test_app_can_be_imported(self):
        import app

        self.assertTrue(callable(app.create_app))
""",
        "run.sh": "#!/bin/sh\nexec gunicorn 'app:create_app()'\n",
        "Procfile": "web: ./run.sh\n",
        "LICENSE": BSD,
    },
    {
        "stack": ("python", "sure"),
        "ci": NOTHING,
        "hosting": NOTHING,
        "license": NOTHING,  # BSD, which no option is
        "project_name": ("flask-shop", "likely"),
        "owner": NOTHING,
    },
    PYTHON,
    executables=frozenset({"run.sh"}),
)

FLASK_DOCKER = Repository(
    "thumbnails",
    {
        "requirements.in": "flask\n",
        "requirements.txt": "flask==3.0.3 \\\n    --hash=sha256:34e8\n",
        "thumbnails/__init__.py": "",
        "thumbnails/size.py": """\
def fit(width, height, most):
    scale = min(1, most / max(width, height))
    return round(width * scale), round(height * scale)
""",
        "thumbnails/web.py": "from flask import Flask\n\napp = Flask(__name__)\n",
        "tests/__init__.py": "",
        "tests/test_size.py": """\
import unittest

from thumbnails.size import fit


class Size(unittest.TestCase):
    def test_a_large_picture_is_made_to_fit(self):
        self.assertEqual(fit(400, 200, 100), (100, 50))
""",
        "Dockerfile": """\
FROM python:3.12-slim
COPY . /app
RUN pip install -r /app/requirements.txt
CMD ["flask", "--app", "thumbnails.web", "run"]
""",
        "docker-compose.yaml": "services:\n  web: { build: . }\n",
        ".gitlab-ci.yml": "include:\n  - template: Docker.gitlab-ci.yml\n",
        "README.rst": "Thumbnails\n==========\n",
        "LICENSE": "Copyright 2024 Acme Ltd. All Rights Reserved.\n",
    },
    {
        "stack": ("python", "sure"),
        "ci": ("gitlab", "sure"),
        "hosting": NOTHING,
        "license": ("proprietary", "sure"),
        "project_name": ("thumbnails", "likely"),
    },
    PYTHON,
)

DJANGO_ASSETS = Repository(
    "library",
    {
        "manage.py": """\
#!/usr/bin/env python
import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "library.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
""",
        "requirements/base.txt": "Django>=5.1,<5.2\n",
        "requirements.txt": "-r requirements/base.txt\n",
        "library/__init__.py": "",
        "library/settings.py": "INSTALLED_APPS = ['books']\nSECRET_KEY = 'for development'\n",
        "books/__init__.py": "",
        "books/isbn.py": """\
def valid(isbn):
    digits = [int(c) for c in isbn if c.isdigit()]
    return len(digits) == 13 and (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0
""",
        "books/tests.py": """\
import unittest

from books.isbn import valid
from library import settings


class Isbn(unittest.TestCase):
    def test_a_digit_proves_the_others(self):
        self.assertTrue(valid("978-3-16-148410-0"))
        self.assertFalse(valid("978-3-16-148410-1"))

    def test_settings(self):
        self.assertIn("books", settings.INSTALLED_APPS)
""",
        # For the styles alone, though somebody called it a package.
        "package.json": """\
{
  "name": "library-styles",
  "description": "Styles",
  "private": true,
  "scripts": { "build": "tailwindcss -i in.css -o out.css" },
  "devDependencies": { "tailwindcss": "^3.4.0" }
}
""",
        "package-lock.json": NPM_LOCK % "library-styles",
        "assets/in.css": "@tailwind base;\n",
    },
    {
        "stack": ("python", "sure"),
        "ci": NOTHING,
        "hosting": NOTHING,
        "license": NOTHING,
        "project_name": ("library", "likely"),
        "description": ("Styles", "unsure"),
    },
    ("python", "-m", "unittest", "books.tests"),
    executables=frozenset({"manage.py"}),
)

FASTAPI_POETRY = Repository(
    "poems",
    {
        "pyproject.toml": """\
[tool.poetry]
name = "poem-server"
version = "0.3.0"
description = "Serves a poem"
authors = ["Sappho <sappho@example.com>"]
license = "MIT"

[tool.poetry.dependencies]
python = "^3.12"
fastapi = "^0.115"

[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
""",
        "poetry.lock": 'package = []\n\n[metadata]\nlock-version = "2.0"\n',
        "poem_server/__init__.py": "",
        "poem_server/api.py": """\
from .poems import lines


def routes(app):
    app.get("/poem")(lambda: lines())
    return app
""",
        "poem_server/poems.py": "def lines():\n    return ['Some say', 'an army']\n",
        "tests/__init__.py": "",
        "tests/test_api.py": """\
import unittest

from poem_server.api import routes


class Stub:
    def __init__(self):
        self.routes = {}

    def get(self, path):
        return lambda view: self.routes.setdefault(path, view)


class Api(unittest.TestCase):
    def test_it_serves_a_poem(self):
        self.assertEqual(routes(Stub()).routes["/poem"](), ["Some say", "an army"])
""",
    },
    {
        "stack": ("python", "sure"),
        "ci": NOTHING,
        "hosting": NOTHING,
        "license": ("mit", "sure"),
        "project_name": ("poem-server", "sure"),
        "description": ("Serves a poem", "sure"),
        "owner": ("Sappho", "likely"),
    },
    PYTHON,
)

FASTAPI_UV = Repository(
    "fastapi-stock",
    {
        "pyproject.toml": """\
[project]
name = "stock"
version = "1.4.2"
description = "Counts what is on the shelves"
requires-python = ">=3.12"
license = "Apache-2.0"
authors = [{ name = "Warehouse", email = "w@example.com" }]
dependencies = [
  "fastapi>=0.115",
  "uvicorn",
]

[dependency-groups]
dev = ["pytest"]
""",
        "uv.lock": 'version = 1\nrequires-python = ">=3.12"\n',
        ".python-version": "3.12\n",
        "src/stock/__init__.py": "",
        "src/stock/count.py": "def count(shelves):\n    return sum(map(len, shelves))\n",
        "src/stock/main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
        "tests/test_count.py": """\
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from stock.count import count


class Count(unittest.TestCase):
    def test_every_shelf_counts(self):
        self.assertEqual(count([["a"], ["b", "c"]]), 3)
""",
        "Dockerfile": "FROM ghcr.io/astral-sh/uv:python3.12\nCOPY . /app\nRUN uv sync --locked\n",
        ".github/workflows/ci.yml": """\
on:
  push:
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: uv run pytest
""",
        "fly.production.toml": "app = 'stock'\n",
    },
    {
        "stack": ("python", "sure"),
        "ci": ("github", "sure"),
        "hosting": ("fly", "sure"),
        "license": ("apache", "sure"),
        "project_name": ("stock", "sure"),
        "description": ("Counts what is on the shelves", "sure"),
        "owner": ("Warehouse", "likely"),
    },
    ("python", "-m", "unittest", "discover", "-s", "tests"),
)

WINDOWS = Repository(
    "Plain Service 2",
    {
        "package.json": crlf("""\
{
  "version": "3.0.0",
  "scripts": {
    "start": "node service.js"
  }
}
"""),
        "service.js": crlf("""\
const http = require("http");
const { answer } = require("./answer");

http.createServer((request, response) => response.end(answer())).listen(80);
"""),
        "answer.js": crlf('"use strict";\n\nmodule.exports.answer = () => "42";\n'),
        "test.js": crlf("""\
const assert = require("assert");
const fs = require("fs");
const { answer } = require("./answer");

assert.strictEqual(answer(), "42");
// Nobody rewrote this one either.
assert.ok(fs.readFileSync("answer.js", "utf8").includes("\\r\\n"));
"""),
        ".gitlab-ci.yml": crlf("test:\n  script: node test.js\n"),
        "fly.toml": crlf("app = 'plain'\n"),
        "License.md": crlf(MIT),
        "NOTES.txt": "Größe: 3 µm, naïve, ©\n".encode("latin-1"),
        "logo.png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    },
    {
        "stack": ("node", "sure"),
        "ci": ("gitlab", "sure"),
        "hosting": ("fly", "sure"),
        "license": ("mit", "sure"),
        "project_name": ("plain-service-2", "likely"),
    },
    ("node", "test.js"),
)

MIRRORED = Repository(
    "mirrored",
    {
        "package.json": """\
{
  "name": "mirrored",
  "bin": { "mirrored": "bin/mirrored" },
  "dependencies": { "restify": "^11.1.0", "react-dom": "^19.0.0" }
}
""",
        "bin/mirrored": """\
#!/usr/bin/env node
console.log(require("../lib/mirror.js").mirror(process.argv[2] ?? ""));
""",
        "lib/mirror.js": 'exports.mirror = (text) => [...text].reverse().join("");\n',
        "test/mirror.test.cjs": """\
const assert = require("node:assert");
const { execFileSync } = require("node:child_process");
const path = require("node:path");
const { test } = require("node:test");

test("the command is executable, here and through the link", () => {
  for (const name of ["bin/mirrored", "mirrored"]) {
    const command = path.join(__dirname, "..", name);
    assert.strictEqual(execFileSync(command, ["abc"], { encoding: "utf8" }), "cba\\n");
  }
});
""",
        ".github/workflows/mirror.yml": "on: push\njobs:\n  mirror:\n    runs-on: ubuntu-latest\n",
        ".gitlab-ci.yml": "build:\n  script: [make]\n",
        "LICENSE-APACHE": APACHE,
        "LICENSE-MIT": MIT,
    },
    {
        "stack": ("node", "unsure"),  # it renders pages as well
        "ci": ("github", "unsure"),
        "hosting": NOTHING,
        "license": ("mit", "unsure"),
        "project_name": ("mirrored", "sure"),
    },
    NODE,
    executables=frozenset({"bin/mirrored"}),
    links={"mirrored": "bin/mirrored", "current": "lib"},
)

LIBRARY = Repository(
    "padding",
    {
        "package.json": '{ "name": "left-side", "main": "pad.js" }\n',
        "pad.js": "module.exports = (text, width) => text.padStart(width);\n",
        "pad.test.js": """\
const assert = require("node:assert");
assert.strictEqual(require("./pad")("a", 3), "  a");
""",
        ".github/CODEOWNERS": "* @ada\n",
        "render.yaml": "# nothing yet\n",
    },
    {
        "stack": ("node", "likely"),  # a package, though nothing in it serves anything
        "ci": NOTHING,
        "hosting": ("render", "likely"),
        "license": NOTHING,
        "project_name": ("left-side", "sure"),
    },
    NODE,
)

FLASK_PIPFILE = Repository(
    "rooms",
    {
        "Pipfile": """\
[[source]]
url = "https://pypi.example.com/simple"
verify_ssl = true
name = "pypi"

[packages]
flask = "*"

[requires]
python_version = "3.12"
""",
        "Pipfile.lock": '{ "_meta": {}, "default": {}, "develop": {} }\n',
        # There for its tools alone, and what they are told must not change.
        "pyproject.toml": """\
[tool.black]
line-length = 79

[tool.pytest.ini_options]
testpaths = ["checks"]
""",
        "app/__init__.py": "",
        "app/rooms.py": """\
def free(rooms, booked):
    return sorted(set(rooms) - set(booked))
""",
        "app/main.py": """\
from flask import Flask

from app.rooms import free

app = Flask(__name__)
app.add_url_rule("/free", view_func=lambda: free([1, 2], [2]))
""",
        "checks/__init__.py": "",
        "checks/test_rooms.py": """\
import pathlib
import unittest

from app.rooms import free


class Rooms(unittest.TestCase):
    def test_a_room_is_free(self):
        self.assertEqual(free([2, 1], [2]), [1])

    def test_only_this_code_is_in_the_package(self):
        names = [path.name for path in pathlib.Path("app").glob("*.py")]
        self.assertEqual(sorted(names), ["__init__.py", "main.py", "rooms.py"])
""",
        ".editorconfig": "root = true\n\n[*.py]\nmax_line_length = 79\n",
        "fly.toml": 'app = "rooms"\n',
        ".gitlab-ci.yml": "test:\n  script: pipenv run python -m unittest\n",
    },
    {
        "stack": ("python", "sure"),
        "ci": ("gitlab", "sure"),
        "hosting": ("fly", "sure"),
        "license": NOTHING,
        "project_name": ("rooms", "likely"),
    },
    PYTHON,
)

DJANGO_VITE = Repository(
    "clinic",
    {
        "manage.py": """\
import sys

from django.core.management import execute_from_command_line

execute_from_command_line(sys.argv)
""",
        "pyproject.toml": """\
[project]
name = "clinic"
version = "2.0"
description = "Appointments"
requires-python = ">=3.10"
dependencies = ["django>=5.2", "psycopg"]
""",
        "clinic/__init__.py": "",
        "clinic/slots.py": "def slots(start, end):\n    return list(range(start, end))\n",
        "clinic/tests.py": """\
import sys
import unittest

from clinic.slots import slots


class Slots(unittest.TestCase):
    def test_the_end_is_no_slot(self):
        self.assertEqual(slots(9, 11), [9, 10])

    def test_any_python_will_do(self):
        self.assertGreaterEqual(sys.version_info, (3, 10))
""",
        # Vite builds the scripts of Django's pages.
        "package.json": """\
{
  "private": true,
  "scripts": { "dev": "vite", "build": "vite build" },
  "dependencies": { "react-dom": "^19.0.0" },
  "devDependencies": { "vite": "^7.0.0" }
}
""",
        "vite.config.js": 'export default { build: { manifest: "manifest.json" } };\n',
    },
    {
        "stack": ("python", "sure"),
        "ci": NOTHING,
        "hosting": NOTHING,
        "license": NOTHING,
        "project_name": ("clinic", "sure"),
        "description": ("Appointments", "sure"),
    },
    ("python", "-m", "unittest", "clinic.tests"),
)

VITE_REACT = Repository(
    "website",
    {
        "package.json": """\
{
  "name": "website",
  "private": true,
  "type": "module",
  "scripts": { "dev": "vite", "build": "vite build", "test": "node --test" },
  "dependencies": { "react": "^19.0.0", "react-dom": "^19.0.0" },
  "devDependencies": { "@vitejs/plugin-react": "^5.0.0", "vite": "^7.0.0" }
}
""",
        "package-lock.json": NPM_LOCK % "website",
        "index.html": '<div id="root"></div><script type="module" src="/src/main.jsx"></script>\n',
        "vite.config.js": """\
import react from "@vitejs/plugin-react";

export default { plugins: [react()] };
""",
        "src/main.jsx": """\
import { createRoot } from "react-dom/client";
import { title } from "./title.js";

createRoot(document.getElementById("root")).render(<h1>{title()}</h1>);
""",
        "src/title.js": 'export const title = () => "Welcome";\n',
        "src/title.test.js": """\
import assert from "node:assert";
import { test } from "node:test";
import { title } from "./title.js";

test("somebody is welcome", () => assert.strictEqual(title(), "Welcome"));
""",
        "netlify.toml": '[build]\ncommand = "npm run build"\npublish = "dist"\n',
    },
    {
        "stack": ("static", "sure"),
        "ci": NOTHING,
        "hosting": ("netlify", "sure"),
        "license": NOTHING,
        "project_name": ("website", "sure"),
    },
    NODE,
)

ASTRO = Repository(
    "blog",
    {
        "package.json": """\
{
  "name": "blog",
  "type": "module",
  "license": "MIT",
  "scripts": { "dev": "astro dev", "build": "astro build" },
  "dependencies": { "astro": "^5.0.0" }
}
""",
        "pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
        "astro.config.mjs": "export default {};\n",
        "src/pages/index.astro": "---\nimport { date } from '../date.js';\n---\n<p>{date(0)}</p>\n",
        "src/date.js": "export const date = (time) => new Date(time).toISOString().slice(0, 10);\n",
        "test/date.test.js": """\
import assert from "node:assert";
import { test } from "node:test";
import { date } from "../src/date.js";

test("a date is a day", () => assert.strictEqual(date(0), "1970-01-01"));
""",
        "public/robots.txt": "User-agent: *\n",
        ".github/workflows/pages.yml": """\
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps: [{ uses: withastro/action@v3 }]
""",
        "vercel.json": '{ "cleanUrls": true }\n',
    },
    {
        "stack": ("static", "sure"),
        "ci": ("github", "sure"),
        "hosting": ("vercel", "sure"),
        "license": ("mit", "sure"),
        "project_name": ("blog", "sure"),
    },
    NODE,
)

EXPRESS_REACT = Repository(
    "tickets",
    {
        "package.json": """\
{
  "name": "tickets",
  "version": "4.1.0",
  "scripts": {
    "build": "vite build",
    "start": "node server/index.js",
    "test": "node --test"
  },
  "dependencies": { "express": "^5.1.0", "react": "^19.0.0", "react-dom": "^19.0.0" },
  "devDependencies": { "vite": "^7.0.0" }
}
""",
        "package-lock.json": NPM_LOCK % "tickets",
        "vite.config.js": 'module.exports = { root: "web" };\n',
        "web/index.html": '<script type="module" src="/main.jsx"></script>\n',
        "web/main.jsx": 'import { createRoot } from "react-dom/client";\n',
        "server/index.js": """\
const express = require("express");
const { price } = require("./price");

const app = express();
app.use(express.static("web/dist"));
app.get("/price/:seats", (request, response) => response.json(price(+request.params.seats)));
app.listen(3000);
""",
        "server/price.js": "exports.price = (seats) => seats * (seats > 9 ? 8 : 10);\n",
        "server/price.test.js": """\
const assert = require("node:assert");
const { test } = require("node:test");
const { price } = require("./price");

test("groups pay less", () => assert.deepStrictEqual([9, 10].map(price), [90, 80]));
""",
        "Dockerfile": 'FROM node:22\nCOPY . .\nRUN npm ci && npm run build\nCMD ["npm", "start"]\n',
    },
    {
        "stack": ("fullstack", "sure"),
        "ci": NOTHING,
        "hosting": NOTHING,
        "license": NOTHING,
        "project_name": ("tickets", "sure"),
    },
    NODE,
)

NEXT = Repository(
    "shop",
    {
        "package.json": """\
{
  "name": "shop",
  "private": true,
  "scripts": { "dev": "next dev", "build": "next build", "start": "next start" },
  "dependencies": { "next": "15.0.0", "react": "^19.0.0", "react-dom": "^19.0.0" }
}
""",
        "next.config.mjs": "export default {};\n",
        "app/page.jsx": 'import { cart } from "../lib/cart";\n\nexport default () => cart([]);\n',
        "lib/cart.js": 'exports.cart = (items) => items.length || "empty";\n',
        "lib/cart.test.js": """\
const assert = require("node:assert");
assert.strictEqual(require("./cart").cart([]), "empty");
""",
    },
    {
        "stack": ("fullstack", "unsure"),  # a server and pages, but nothing of our layout
        "ci": NOTHING,
        "hosting": NOTHING,
        "license": NOTHING,
        "project_name": ("shop", "sure"),
    },
    NODE,
)

GO = Repository(
    "gateway",
    {
        "go.mod": "module example.com/gateway\n\ngo 1.23\n",
        "main.go": "package main\n\nfunc main() {}\n",
        # For the scripts of its pages alone.
        "package.json": '{ "private": true, "devDependencies": { "typescript": "^5.0.0" } }\n',
        "static/sum.js": "exports.sum = (a, b) => a + b;\n",
        "static/sum.test.js": """\
const assert = require("node:assert");
assert.strictEqual(require("./sum").sum(1, 2), 3);
""",
    },
    {
        "stack": NOTHING,
        "ci": NOTHING,
        "hosting": NOTHING,
        "license": NOTHING,
        "project_name": ("gateway", "likely"),
    },
    NODE,
)

PYTHON_LIBRARY = Repository(
    "intervals",
    {
        "pyproject.toml": """\
[project]
name = "intervals"
version = "1.0.0"
dependencies = ["numpy"]

[tool.pytest.ini_options]
testpaths = ["tests"]
""",
        "intervals.py": """\
def overlap(a, b):
    return max(0, min(a[1], b[1]) - max(a[0], b[0]))
""",
        "test_intervals.py": """\
import unittest

from intervals import overlap


class Overlap(unittest.TestCase):
    def test_neighbours_do_not_overlap(self):
        self.assertEqual(overlap((0, 1), (1, 2)), 0)
""",
    },
    {
        "stack": NOTHING,  # nothing in it serves anything
        "ci": NOTHING,
        "hosting": NOTHING,
        "license": NOTHING,
        "project_name": ("intervals", "likely"),
    },
    PYTHON,
)

REPOSITORIES: Mapping[str, Repository] = {
    name.lower(): value for name, value in list(globals().items()) if isinstance(value, Repository)
}
