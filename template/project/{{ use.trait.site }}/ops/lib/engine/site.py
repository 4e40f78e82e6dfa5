"""A site: files that are built from a commit for an environment, and that a host takes as they are."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import NamedTuple

from .errors import Failure, Missing
from .platform import ENVIRONMENTS, Context
from .process import run, stack
from .record import Record


class File(NamedTuple):
    """A file of a site; its path is the one in the site."""

    path: str
    sha1: str
    size: int


def check(at: Context) -> None:
    """Note what a build lacks; tasks that build nothing lack nothing."""
    if at.task not in ("deploy", "drill"):
        return
    for line in stack("eval", 'stack_check; printf %s "$missing"').splitlines():
        name, _, what = line.strip().partition(": ")
        if name:
            at.settings.lack(name, what)


def passed(commit: str, at: Context) -> None:
    """Stop at a commit that no pipeline has deployed: for a site, that stands for a published image.

    A pipeline that deploys is one; a laptop deploys what one deployed before, to any environment.
    """
    if at.settings.get("CI") or at.settings.get("DRILL_BROKEN") == commit or not at.kept:
        return
    for env in ENVIRONMENTS:
        record = Record(env, at.git)
        record.read()
        if record.of(commit):
            return
    raise Missing(f"no pipeline has deployed {commit}: push it, and have one do so first", 2)


def build(commit: str, folder: Path, at: Context, *secrets: str) -> Path:
    """Build a commit for the environment in an empty folder, and give the folder of the site.

    What dependencies run while they are installed, or build, has no business with the secrets.
    """
    without = ("RECORD_TOKEN", *secrets)
    try:
        at.git.unpack(commit, folder)
        # They are committed: nothing that a browser gets is secret.
        shutil.copyfile(folder / f".env.{at.env}.example", folder / ".env")
        run(str(folder / "ops/setup"), folder=folder, shown=True, without=without)
        run(str(folder / "ops/build"), folder=folder, environment={"GIT_COMMIT": commit}, shown=True, without=without)
    except OSError as error:
        raise Failure(f"{commit} cannot be built: {error}") from error
    return folder / "dist"


def files(folder: Path) -> list[File]:
    """Give what a folder would publish, in the order of paths."""
    found = sorted(it for it in folder.rglob("*") if it.is_file() and not it.is_symlink())
    if not found:
        raise Failure("ops/build left no files in dist/")
    return [File(it.relative_to(folder).as_posix(), sha1_of(it), it.stat().st_size) for it in found]


def sha1_of(file: Path) -> str:
    """Give the SHA-1 of a file, which need not fit into memory."""
    sha1 = hashlib.sha1(usedforsecurity=False)
    with file.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 16), b""):
            sha1.update(block)
    return sha1.hexdigest()
