"""A corpus of updates: what a template may do to its files, and what people do to theirs.

All of it comes from seeds and fixed dates, so that it is the same on every machine. Each line that
a user writes carries a token of its own, `ours-000123`; so each can be looked for afterwards.
"""

from __future__ import annotations

import difflib
import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scaffold import project
from scaffold.template.answers import resolve
from scaffold.template.renderer import render
from scaffold.template.source import opened

TOKEN = re.compile(rb"ours-\d{6}")
DATES = {
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n"

Files = dict[str, bytes]


def git(*args: str, cwd: Path) -> bytes:
    return subprocess.check_output(["git", *args], cwd=cwd, env={**os.environ, **DATES})


def commit_all(folder: Path, message: str) -> None:
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--allow-empty", "--message", message, cwd=folder)


def seeded(name: str) -> random.Random:
    return random.Random(name)  # noqa: S311  # nothing here is secret


# The template.


WORDS = ("queue", "cache", "schema", "worker", "region", "bucket", "metric", "secret", "volume")


def _prose(topic: str, number: int) -> str:
    return "".join(
        f"{topic} {n}: the {WORDS[n % 9]} meets the {WORDS[n * 7 % 8]} at step {n * n}.\n"
        + ("\n" if n % 6 == 5 else "")
        for n in range(number)
    )


TEMPLATE = {
    "copier.yml": """\
project_name: thing
ci:
  type: str
  choices: [github, gitlab]
  default: github
use:
  type: yaml
  when: false
  default: >-
    {ci: {github: '{{ "." if ci == "github" else "" }}',
    gitlab: '{{ "." if ci == "gitlab" else "" }}'}}
_subdirectory: project
_skip_if_exists: [/docs/notes.md]
""",
    "project/{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml -}}\n",
    "project/README.md.jinja": "# {{ project_name }}\n\n" + _prose("Readme", 40),
    "project/package.json.jinja": """\
{
  "name": "{{ project_name }}",
  "version": "0.1.0",
  "private": true,
  "scripts": {
    "build": "tsc -p tsconfig.json",
    "lint": "eslint . --max-warnings 0",
    "start": "node dist/main.js",
    "test": "vitest run"
  },
  "dependencies": {
    "fastify": "5.1.0",
    "pino": "9.5.0",
    "undici": "7.0.0"
  },
  "devDependencies": {
    "eslint": "9.15.0",
    "typescript": "5.7.2",
    "vitest": "2.1.5"
  }
}
""",
    "project/pyproject.toml": """\
# How the tools behave.
[project]
name = "thing"
version = "0.1.0"
dependencies = [
  "httpx>=0.27",
  "pydantic>=2.9",
  "structlog>=24.4",
]

[tool.ruff]
line-length = 100
target-version = "py311"

[tool.ruff.lint]
select = ["E", "F", "I"]

[tool.mypy]
strict = true
python_version = "3.11"
""",
    "project/compose.yaml": """\
# What runs beside it.
services:
  app:
    image: thing:dev
    ports:
      - "127.0.0.1:8080:8080"
    environment:
      LOG_LEVEL: info
      CACHE_TTL: "300"
  database:
    image: postgres:17-alpine
    restart: unless-stopped
    volumes:
      - data:/var/lib/postgresql/data
volumes:
  data: {}
""",
    "project/{{ use.ci.github }}/.github/workflows/ci.yml": """\
name: ci
on:
  push:
    branches: [main]
permissions: {}
jobs:
  check:
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    steps:
      - uses: actions/checkout@v4
      - name: Lint
        run: make lint
      - name: Test
        run: make test
  build:
    runs-on: ubuntu-24.04
    needs: [check]
    steps:
      - uses: actions/checkout@v4
      - name: Build
        run: make build
""",
    "project/{{ use.ci.gitlab }}/.gitlab-ci.yml": """\
stages: [verify, package]
default:
  image: node:24-alpine
verify-all:
  stage: verify
  script:
    - make lint test
package-image:
  stage: package
  script:
    - make build
""",
    "project/bin/run": '#!/bin/sh\nset -eu\ncd "$(dirname "$0")/.."\n'
    + "".join(f'echo "starting part {n}"\n./part-{n} --port 80{n:02}\n' for n in range(12)),
    "project/docs/guide.md": "# Guide\n\n" + _prose("Guide", 120),
    "project/docs/ops/backup.md": "# Backup\n\n" + _prose("Backup", 25),
    "project/docs/notes.md": "# Notes\n\nYours since it was written.\n" + _prose("Notes", 6),
    "project/src/app.py": '"""The service."""\n\n'
    + "".join(f"\ndef handler_{n}(request):\n    return answer({n}, request)\n" for n in range(15)),
    "project/src/lib/util.py": '"""Odds and ends."""\n\n'
    + "".join(f"\ndef helper_{n}(value):\n    return value + {n * 13}\n" for n in range(10)),
    "project/assets/logo.bin": "\0\1logo\0" * 40,
}
#: Text files of a project at v1 that edits are made to; the seed among them.
TEXTS = (
    "README.md", "package.json", "pyproject.toml", "compose.yaml", ".github/workflows/ci.yml",
    "bin/run", "docs/guide.md", "docs/ops/backup.md", "docs/notes.md", "src/app.py",
    "src/lib/util.py",
)  # fmt: skip
MANIFESTS = ("package.json", "pyproject.toml", "compose.yaml", ".github/workflows/ci.yml")


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


# What the template does.


@dataclass(frozen=True)
class Change:
    """A new version of the template, or another answer.

    Attributes:
        kind: What it does, for the table.
        name: A name of its own; also the seed.
        apply: Does it to the template's files.
        data: The answers that change.
    """

    kind: str
    name: str
    apply: Callable[[Path, random.Random], None]
    data: dict[str, str] = field(default_factory=dict)


def _source(files: Path, path: str) -> Path:
    names = {
        "README.md": "README.md.jinja",
        "package.json": "package.json.jinja",
        ".github/workflows/ci.yml": "{{ use.ci.github }}/.github/workflows/ci.yml",
    }
    return files / names.get(path, path)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines(keepends=True)


def _replace(files: Path, path: str, *pairs: tuple[str, str]) -> None:
    source = _source(files, path)
    text = source.read_text()
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    source.write_text(text)


PLAIN = ("README.md", "bin/run", "docs/guide.md", "docs/ops/backup.md", "src/app.py")


def _edit(files: Path, rng: random.Random) -> None:
    for path in rng.sample(PLAIN, 3):
        lines = _lines(_source(files, path))
        for at in rng.sample(range(3, len(lines)), 3):
            if lines[at].strip():
                lines[at] = lines[at].rstrip("\n") + f"  # better, as of {rng.randrange(1000)}\n"
        _source(files, path).write_text("".join(lines))


def _insert(files: Path, rng: random.Random) -> None:
    for path in rng.sample(PLAIN, 3):
        lines = _lines(_source(files, path))
        for at in sorted(rng.sample(range(3, len(lines)), 2), reverse=True):
            new = [f"# something new, number {rng.randrange(10**6)}\n" for _ in range(3)]
            lines[at:at] = new
        _source(files, path).write_text("".join(lines))


def _delete_lines(files: Path, rng: random.Random) -> None:
    for path in rng.sample(PLAIN, 3):
        lines = _lines(_source(files, path))
        for at in sorted(rng.sample(range(3, len(lines) - 4), 2), reverse=True):
            del lines[at : at + rng.randrange(1, 4)]
        _source(files, path).write_text("".join(lines))


def _move_block(files: Path, rng: random.Random) -> None:
    for path in rng.sample(PLAIN, 2):
        lines = _lines(_source(files, path))
        at = rng.randrange(3, len(lines) // 2)
        block = lines[at : at + 5]
        del lines[at : at + 5]
        to = rng.randrange(len(lines) // 2, len(lines))
        lines[to:to] = block
        _source(files, path).write_text("".join(lines))


def _keys(files: Path, rng: random.Random) -> None:
    number = rng.randrange(3, 90)
    _replace(
        files, "package.json", ('"fastify": "5.1.0"', f'"fastify": "5.{number}.0"'),
        ('    "test": "vitest run"\n', '    "test": "vitest run",\n    "types": "tsc --noEmit"\n'),
        ('    "undici": "7.0.0"\n', f'    "undici": "7.{number}.0",\n    "zod": "3.24.1"\n'),
    )  # fmt: skip
    _replace(
        files, "pyproject.toml", ("line-length = 100", f"line-length = {number + 60}"),
        ('  "structlog>=24.4",\n', '  "structlog>=24.4",\n  "uvloop>=0.21",\n'),
        ("strict = true\n", "strict = true\nwarn_unreachable = true\n"),
    )  # fmt: skip
    _replace(
        files, "compose.yaml", ("postgres:17-alpine", f"postgres:17.{number}-alpine"),
        ("      LOG_LEVEL: info\n", "      LOG_LEVEL: info\n      TZ: UTC\n"),
    )  # fmt: skip
    test = "        run: make test\n"
    _replace(
        files, ".github/workflows/ci.yml", ("checkout@v4", f"checkout@v{number}"),
        (test, f"{test}      - name: Scan\n        run: make scan\n"),
    )  # fmt: skip


def _few_keys(files: Path, rng: random.Random) -> None:
    number = rng.randrange(3, 90)
    _replace(files, "package.json", ('    "start": "node dist/main.js",\n', ""))
    _replace(files, "pyproject.toml", ('"httpx>=0.27"', f'"httpx>=0.{number}"'))
    _replace(files, "compose.yaml", ("    restart: unless-stopped\n", "    restart: always\n"))
    _replace(
        files, ".github/workflows/ci.yml", ("timeout-minutes: 10", f"timeout-minutes: {number}")
    )


def _move(files: Path, old: str, new: str) -> None:
    (files / new).parent.mkdir(parents=True, exist_ok=True)
    _source(files, old).rename(files / new)


def _rename(*pairs: tuple[str, str], edited: bool = False) -> Callable[[Path, random.Random], None]:
    def apply(files: Path, rng: random.Random) -> None:
        for old, new in pairs:
            if edited:
                lines = _lines(_source(files, old))
                for at in rng.sample(range(len(lines)), 3):
                    lines[at] = lines[at].rstrip("\n") + f"  # moved, {rng.randrange(1000)}\n"
                _source(files, old).write_text("".join(lines))
            _move(files, old, new)

    return apply


def _remove(*paths: str) -> Callable[[Path, random.Random], None]:
    def apply(files: Path, _: random.Random) -> None:
        for path in paths:
            _source(files, path).unlink()

    return apply


#: Paths that some change adds; users add them too.
ADDED = ("CHANGES.md", "src/extra.py", ".editorconfig", "deploy/settings.json", "bin/check")


def _add(*paths: str) -> Callable[[Path, random.Random], None]:
    def apply(files: Path, rng: random.Random) -> None:
        for path in paths:
            text = f"{_prose(f'New {path}', 12)}{rng.randrange(1000)}\n"
            if path.endswith(".json"):
                text = (
                    f'{{\n  "region": "eu",\n  "size": {rng.randrange(9)},\n  "replicas": 2\n}}\n'
                )
            write(files / path, text)
        (files / paths[-1]).chmod(0o755)

    return apply


def _modes(files: Path, _: random.Random) -> None:
    (files / "bin/run").chmod(0o644)
    (files / "src/app.py").chmod(0o755)
    (files / "docs/guide.md").chmod(0o755)


def _binary(files: Path, _: random.Random) -> None:
    write(files / "assets/logo.bin", b"\0\2logo, redrawn\0" * 40)


def _file_to_folder(files: Path, _: random.Random) -> None:
    (files / "docs/ops/backup.md").unlink()
    write(files / "docs/ops/backup.md/index.md", _prose("Other", 10))
    shutil.rmtree(files / "src/lib")
    write(files / "src/lib", _prose("Flat", 10))


def _nothing(_: Path, __: random.Random) -> None:
    pass


def _all(files: Path, rng: random.Random) -> None:
    for apply in (
        _edit, _insert, _keys, _add("CHANGES.md", "bin/check"), _binary, _modes,
        _rename(("docs/ops/backup.md", "docs/ops/restore.md"), edited=True),
        _remove("src/lib/util.py"),
    ):  # fmt: skip
        apply(files, rng)


GUIDE = ("docs/guide.md", "docs/manual.md")
APP = ("src/app.py", "src/main.py")
README = ("README.md", "docs/README.md.jinja")
HANDBOOK = [(f"docs/{p}", f"handbook/{p}") for p in ("guide.md", "ops/backup.md", "notes.md")]
LIB = [(f"src/{p}", f"lib/{p}") for p in ("app.py", "lib/util.py")]

CHANGES = (
    *(Change("edit lines", f"edit-{n}", _edit) for n in range(3)),
    *(Change("insert lines", f"insert-{n}", _insert) for n in range(3)),
    *(Change("delete lines", f"delete-lines-{n}", _delete_lines) for n in range(3)),
    *(Change("move a block", f"block-{n}", _move_block) for n in range(2)),
    Change("edit manifests", "keys-1", _keys),
    Change("edit manifests", "keys-2", _few_keys),
    Change("edit manifests", "keys-3", _keys),
    Change("rename a file", "rename-1", _rename(GUIDE)),
    Change("rename a file", "rename-2", _rename(APP, ("package.json", "pkg/package.json.jinja"))),
    Change("rename and edit", "rename-edit-1", _rename(GUIDE, edited=True)),
    Change("rename and edit", "rename-edit-2", _rename(APP, README, edited=True)),
    Change("move a folder", "folder-1", _rename(*HANDBOOK)),
    Change("move a folder", "folder-2", _rename(*LIB, edited=True)),
    Change("delete a file", "remove-1", _remove("docs/ops/backup.md", "bin/run")),
    Change("delete a file", "remove-2", _remove("README.md", "src/app.py", "compose.yaml")),
    Change("add a file", "add-1", _add("CHANGES.md", "src/extra.py", "bin/check")),
    Change("add a file", "add-2", _add(".editorconfig", "deploy/settings.json", "CHANGES.md")),
    Change("change modes", "modes", _modes),
    Change("change a binary", "binary", _binary),
    Change("file and folder swap", "swap", _file_to_folder),
    Change("switch an option", "switch", _nothing, {"ci": "gitlab"}),
    Change("switch an option", "switch-edit", _edit, {"ci": "gitlab"}),
    Change("all at once", "all", _all),
    Change("nothing", "nothing", _nothing),
)  # fmt: skip
KINDS = tuple(dict.fromkeys(change.kind for change in CHANGES))


@dataclass(frozen=True)
class World:
    """What every case starts from.

    Attributes:
        template: The template's repository. Each change is a tag of its own on `v1.0.0`.
        project: A project at `v1.0.0`.
        before: What the template wrote then.
        after: What it writes for each change.
    """

    template: Path
    project: Path
    before: Files
    after: dict[str, Files]


def version(change: Change) -> str:
    return f"v1.{CHANGES.index(change) + 1}.0"


def build(folder: Path) -> World:
    """Make the template with all its versions, and a project."""
    template = folder / "template"
    for path, text in TEMPLATE.items():
        write(template / path, text)
    (template / "project/bin/run").chmod(0o755)
    git("init", "--quiet", "--initial-branch=main", cwd=template)
    commit_all(template, "first")
    git("tag", "v1.0.0", cwd=template)
    for change in CHANGES:
        git("checkout", "--quiet", "--detach", "v1.0.0", cwd=template)
        change.apply(template / "project", seeded(change.name))
        commit_all(template, change.name)
        git("tag", version(change), cwd=template)
    git("checkout", "--quiet", "main", cwd=template)
    before = _rendered(template, "v1.0.0", {}, folder / "project")
    after = {
        change.name: _rendered(template, version(change), change.data, folder / change.name)
        for change in CHANGES
    }
    git("init", "--quiet", "--initial-branch=main", cwd=folder / "project")
    for key, value in (("gc.auto", "0"), ("core.fsync", "none"), ("maintenance.auto", "false")):
        git("config", key, value, cwd=folder / "project")
    commit_all(folder / "project", "start")
    return World(template, folder / "project", before, after)


def _rendered(template: Path, ref: str, data: dict[str, str], folder: Path) -> Files:
    with opened(str(template), ref) as version:
        files = render(version, resolve(version, data))
        project.write(files, folder)
    return {str(file.path): file.content for file in files}


# What the user does.


@dataclass
class Script:
    """One user's edits of one project.

    Attributes:
        folder: The project.
        rng: Decides everything.
        before: What the template wrote.
        after: What it is going to write.
        deleted: The template's files that the user deleted.
        number: The last token's number.
    """

    folder: Path
    rng: random.Random
    before: Files
    after: Files
    deleted: set[str] = field(default_factory=set)
    number: int = 0

    def token(self) -> str:
        self.number += 1
        return f"ours-{self.number:06}"

    def present(self, paths: tuple[str, ...] = TEXTS) -> list[str]:
        """Give those of the template's files that are still where it put them, as plain text."""
        return [
            path
            for path in paths
            if (self.folder / path).is_file() and not (self.folder / path).is_symlink()
        ]

    def target(self, paths: tuple[str, ...] = TEXTS) -> str | None:
        """Choose a file: two times in three one that the template is going to change."""
        present = self.present(paths)
        hot = [path for path in present if self.after.get(path) != self.before.get(path)]
        if hot and self.rng.random() < 2 / 3:
            return self.rng.choice(hot)
        return self.rng.choice(present) if present else None

    def spot(self, path: str, lines: list[bytes], *, inside: bool = False) -> int:
        """Choose a line: in, next to, near or far from what the template changes."""
        old = self.before[path].splitlines(keepends=True)
        new = self.after.get(path, b"").splitlines(keepends=True)
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        hot = [
            at
            for tag, first, last, _, _ in matcher.get_opcodes()
            if tag != "equal"
            for at in range(first, max(last, first + 1))
        ]
        if path in self.after and hot and (inside or self.rng.random() < 1 / 2):
            away = 0 if inside else self.rng.choice([-4, -2, -1, 0, 0, 1, 2, 4])
            return max(0, min(self.rng.choice(hot) + away, len(lines) - 1))
        return self.rng.randrange(len(lines)) if lines else 0

    def lines(self, path: str) -> list[bytes]:
        return (self.folder / path).read_bytes().splitlines(keepends=True)

    def save(self, path: str, lines: list[bytes]) -> None:
        (self.folder / path).write_bytes(b"".join(lines))

    def commit(self) -> None:
        commit_all(self.folder, "our work")


def _ending(line: bytes) -> bytes:
    return b"\r\n" if line.endswith(b"\r\n") else b"\n"


def _new_line(script: Script, path: str, near: bytes) -> bytes:
    token = script.token().encode()
    indent = near[: len(near) - len(near.lstrip(b" "))]
    line = (
        b'%b"%b": "1",' % (indent or b"  ", token)
        if path.endswith(".json")
        else indent + b"# " + token
    )
    return line + _ending(near)


def insert(script: Script, *, inside: bool = False) -> None:
    path = script.target()
    if path is None:
        return
    lines = script.lines(path)
    at = script.spot(path, lines, inside=inside)
    if path.endswith(".json"):  # a place where the file stays what it is
        fits = [n for n, line in enumerate(lines) if line.rstrip().endswith((b",", b"{"))][:-1]
        at = min(fits, key=lambda n: abs(n - at), default=-1) + 1
    near = lines[min(at, len(lines) - 1)] if lines else b"\n"
    for _ in range(script.rng.randrange(1, 4)):
        lines.insert(at, _new_line(script, path, near))
    script.save(path, lines)


def change(script: Script, *, inside: bool = False) -> None:
    path = script.target()
    if path is None:
        return
    lines = script.lines(path)
    at = script.spot(path, lines, inside=inside)
    for n in range(at, min(at + script.rng.randrange(1, 3), len(lines))):
        token = script.token().encode()
        line, end = lines[n].rstrip(b"\r\n"), _ending(lines[n])
        if path.endswith(".json"):
            valued = re.sub(rb'("[^"]*": )"[^"]*"', rb'\1"%b"' % token, line)
            lines[n] = valued + end
        else:
            lines[n] = line + b"  # " + token + end
    script.save(path, lines)


def change_inside(script: Script) -> None:
    (change if script.rng.random() < 2 / 3 else insert)(script, inside=True)


def delete_lines(script: Script) -> None:
    path = script.target()
    if path is None:
        return
    lines = script.lines(path)
    at = script.spot(path, lines)
    number = script.rng.randrange(1, 4)
    if path.endswith(".json"):
        number = 1
        fits = [n for n, line in enumerate(lines) if line.rstrip().endswith(b'",')]
        at = min(fits, key=lambda n: abs(n - at), default=len(lines))
    del lines[at : at + number]
    script.save(path, lines)


def _moved(script: Script, path: str, to: str) -> None:
    place = script.folder / to
    if place.exists() or any(parent.is_file() for parent in place.parents):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    (script.folder / path).rename(place)


def rename(script: Script) -> None:
    path = script.target()
    if path is None:
        return
    if script.rng.random() < 1 / 2:
        for _ in range(script.rng.randrange(1, 3)):
            _edit_one(script, path)
    name = Path(path)
    _moved(script, path, str(name.with_name(f"our-{name.name}")))


def _edit_one(script: Script, path: str) -> None:
    """Change one line of a file that is still the template's."""
    lines = script.lines(path)
    if not lines or path.endswith(".json"):
        return
    at = script.spot(path, lines)
    lines[at] = lines[at].rstrip(b"\r\n") + b"  # " + script.token().encode() + _ending(lines[at])
    script.save(path, lines)


def move(script: Script) -> None:
    path = script.target()
    if path is None:
        return
    if script.rng.random() < 1 / 2:
        _edit_one(script, path)
    folder = script.rng.choice(["ours", "docs", "src", "src/deep/er", "handbook"])
    _moved(script, path, f"{folder}/{Path(path).name}")


def move_folder(script: Script) -> None:
    folder = script.rng.choice(["docs", "src", "src/lib", "docs/ops", "bin"])
    if (script.folder / folder).is_dir():
        for path in script.present():
            if path.startswith(folder) and script.rng.random() < 1 / 3:
                _edit_one(script, path)
        _moved(script, folder, script.rng.choice([f"our-{folder}", f"ours/{folder}"]))


def delete_file(script: Script) -> None:
    for _ in range(script.rng.randrange(1, 3)):
        path = script.target()
        if path is not None:
            (script.folder / path).unlink()
            script.deleted.add(path)


def _own_text(script: Script, number: int = 4) -> str:
    return "".join(f"Our own words, {script.token()}.\n" for _ in range(number))


def add_file(script: Script) -> None:
    """Add files: where the template is going to, beside its files, or somewhere else."""
    coming = [path for path in script.after if path not in script.before]
    for _ in range(script.rng.randrange(1, 4)):
        near = script.rng.choice(
            ["src", "docs", "docs/ops", ".github/workflows", "ours/sub", "src/lib"]
        )
        free = f"{near}/own-{script.rng.randrange(100)}.md"
        path = script.rng.choice(
            [free, free, script.rng.choice(coming or ADDED), f"{coming[0]}/x" if coming else free]
        )
        place = script.folder / path
        if os.path.lexists(place) or any(p.is_file() for p in place.parents):
            continue
        if path.endswith(".json"):
            write(place, f'{{\n  "region": "us",\n  "{script.token()}": "1"\n}}\n')
        elif path in script.after and script.rng.random() < 1 / 3:
            write(place, script.after[path] + _own_text(script, 1).encode())
        else:
            write(place, _own_text(script))


def crlf(script: Script) -> None:
    path = script.target()
    if path is None:
        return
    if script.rng.random() < 2 / 3:
        (change if script.rng.random() < 1 / 2 else insert)(script)
    content = (script.folder / path).read_bytes().replace(b"\r\n", b"\n")
    write(script.folder / path, content.replace(b"\n", b"\r\n"))
    if script.rng.random() < 1 / 2:
        _edit_one(script, path)
    if script.rng.random() < 1 / 4:
        rename(script)


def latin1(script: Script) -> None:
    for _ in range(script.rng.randrange(1, 3)):
        path = script.target()
        if path is None:
            return
        lines = script.lines(path)
        at = script.spot(path, lines)
        lines.insert(at, f"# Grüße, {script.token()}\n".encode("latin-1"))
        script.save(path, lines)
    write(script.folder / "src/latin.txt", f"Größe {script.token()}\n".encode("latin-1"))


def modes(script: Script) -> None:
    for _ in range(2):
        path = script.target()
        if path is not None:
            place = script.folder / path
            place.chmod(place.stat().st_mode ^ 0o111)
            if script.rng.random() < 1 / 2:
                _edit_one(script, path)


#: Lines below which people add settings.
ANCHORS = {
    "package.json": [
        b'  "scripts": {\n', b'  "dependencies": {\n', b'    "pino": "9.5.0",\n', b'    "lint": ',
    ],
    "pyproject.toml": [
        b"[tool.ruff]\n", b"strict = true\n", b'  "pydantic>=2.9",\n', b"[tool.mypy]\n",
    ],
    "compose.yaml": [
        b"    environment:\n", b"      LOG_LEVEL: info\n", b"services:\n", b"volumes:\n",
    ],
    ".github/workflows/ci.yml": [
        b"permissions: {}\n", b"    timeout-minutes: 10\n", b"        run: make test\n",
    ],
}  # fmt: skip


def add_keys(script: Script) -> None:
    """Add settings where people do: dependencies, scripts, services, steps."""
    for _ in range(script.rng.randrange(1, 4)):
        path = script.target(MANIFESTS)
        if path is None:
            return
        lines = script.lines(path)
        anchor = script.rng.choice(ANCHORS[path])
        found = [n for n, line in enumerate(lines) if line.startswith(anchor.rstrip(b"\n"))]
        if found:
            lines.insert(found[0] + 1, _setting(script, path, anchor))
            script.save(path, lines)


def _setting(script: Script, path: str, anchor: bytes) -> bytes:
    token = script.token()
    if path == "package.json":
        return f'    "{token}": "1.0.0",\n'.encode()
    if path == "pyproject.toml":
        return (f'  "{token}",\n' if b">=" in anchor else f'{token} = "on"\n').encode()
    if b"run:" in anchor:
        return f"      - name: Ours\n        run: make {token}\n".encode()
    deeper = b"  " if anchor.rstrip().endswith(b":") else b""
    indent = anchor[: len(anchor) - len(anchor.lstrip())] + deeper
    if anchor == b"services:\n":
        return f"  {token}:\n    image: redis:7\n".encode()
    return indent + f"{token}: {'{}' if b'volumes' in anchor else 'own'}\n".encode()


def special(script: Script) -> None:
    """Have what is no plain file: a submodule, LFS pointers, links, an empty file."""
    rng = script.rng
    where = rng.choice(["vendor/x", "src/x", "docs/x"])
    (script.folder / where).mkdir(parents=True, exist_ok=True)
    url = f'[submodule "{where}"]\n\tpath = {where}\n\turl = https://example.com/{script.token()}\n'
    write(script.folder / ".gitmodules", url)
    git("update-index", "--add", "--cacheinfo", f"160000,{'1234' * 10},{where}", cwd=script.folder)
    write(script.folder / ".gitattributes", f"# {script.token()}\n*.psd filter=lfs -text\n")
    write(script.folder / "assets/big.psd", LFS.format("ab" * 32) + f"x-note {script.token()}\n")
    for name in ("docs/link.md", "link-to-nothing"):
        place = script.folder / name
        if not os.path.lexists(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(f"somewhere/{script.token()}")
    write(script.folder / "src/empty", "")
    path = script.target() if rng.random() < 1 / 2 else None
    if path:
        (script.folder / path).unlink()
        (script.folder / path).symlink_to(f"elsewhere/{script.token()}")


NAMES = (
    "with space.md", "it's \"quoted\".md", "größe-Ω.md", "-leading-dash", "new\nline.md",
    "tab\there", "back\\slash", "star*[x]?.md", ":(top)magic", "caf\udce9.md", "trailing ", "#hash",
    "%41.md",
)  # fmt: skip


def odd_names(script: Script) -> None:
    for name in script.rng.sample(NAMES, 3):
        folder = script.rng.choice(["", "src/", "docs/", "odd dir/"])
        place = script.folder / (folder + name)
        if not os.path.lexists(place):
            write(place, _own_text(script, 2))
    path = script.target()
    if path is not None and script.rng.random() < 2 / 3:
        _edit_one(script, path)
        _moved(script, path, str(Path(path).with_name(script.rng.choice(NAMES))))


def binary(script: Script) -> None:
    if (script.folder / "assets/logo.bin").exists():
        write(script.folder / "assets/logo.bin", b"\0\3our logo\0" * 30 + script.token().encode())
    path = script.target()
    if path is not None and script.rng.random() < 1 / 3:
        content = (script.folder / path).read_bytes()
        write(script.folder / path, content + b"\0 " + script.token().encode() + b"\n")


def copy_file(script: Script) -> None:
    """Take a file as the model for another, or put something else in its place."""
    path = script.target()
    if path is None:
        return
    place = script.folder / path
    other = place.with_name(f"second-{place.name}")
    shutil.copy(place, other)
    write(other, other.read_bytes() + f"# {script.token()}\n".encode())
    if script.rng.random() < 1 / 2:
        write(place, _own_text(script, 12))


def untracked(script: Script) -> None:
    """Have files that git does not know; one time in three where the template adds one."""
    script.commit()
    coming = [path for path in script.after if path not in script.before]
    where = script.rng.choice([*coming, "src/scratch.txt", "scratch/notes.txt"])
    place = script.folder / where
    if not os.path.lexists(place) and not any(p.is_file() for p in place.parents):
        write(place, _own_text(script, 3))


Edit = Callable[[Script], None]
EDITS: dict[str, Edit] = {
    "insert lines": insert,
    "change lines": change,
    "change the same lines": change_inside,
    "delete lines": delete_lines,
    "add settings": add_keys,
    "rename a file": rename,
    "move a file": move,
    "move a folder": move_folder,
    "delete a file": delete_file,
    "add files": add_file,
    "copy or rewrite a file": copy_file,
    "CRLF": crlf,
    "bytes that are not UTF-8": latin1,
    "executable bits": modes,
    "binary": binary,
    "submodule, LFS, links": special,
    "odd names": odd_names,
    "files git does not track": untracked,
}
MIXED = "several commits"
PEOPLE = (*EDITS, MIXED)


@dataclass(frozen=True)
class Case:
    """One user's project and one change of the template.

    Attributes:
        edit: The kind of edits that it is about.
        does: The name of what the template does.
        number: Which of its kind; with the kinds, the seed.
    """

    edit: str
    does: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.edit}, {self.does}, {self.number}"

    @property
    def change(self) -> Change:
        return next(change for change in CHANGES if change.name == self.does)


def cases(each: int) -> Iterator[Case]:
    """Give `each` cases for every kind of edit and every kind of change."""
    for kind in KINDS:
        changes = [change for change in CHANGES if change.kind == kind]
        for edit in PEOPLE:
            for number in range(each):
                yield Case(edit, changes[number % len(changes)].name, number)


def edited(world: World, case: Case, folder: Path) -> Script:
    """Make a copy of the project as somebody has edited it, all of it committed."""
    shutil.copytree(world.project, folder, symlinks=True)
    script = Script(folder, seeded(case.name), world.before, world.after[case.does])
    rng = script.rng
    others = [edit for name, edit in EDITS.items() if name != "files git does not track"]
    if case.edit == MIXED:
        for _ in range(rng.randrange(3, 7)):
            rng.choice(others)(script)
            if rng.random() < 2 / 3:
                script.commit()
        script.commit()
        return script
    if rng.random() < 1 / 3:
        rng.choice(others)(script)
    for _ in range(rng.randrange(1, 3)):
        EDITS[case.edit](script)
    if case.edit != "files git does not track":
        script.commit()
    return script
