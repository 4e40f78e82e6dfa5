"""A site: files that are built from a commit for an environment, and that a host takes as they are."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from . import dotenv, store
from .errors import Failure, Missing
from .platform import ENVIRONMENTS, Context
from .process import run, stack
from .reading import KEY
from .record import Record
from .schema import Variable, documented

#: Secrets that are shorter may be in a file by chance.
TELLING = 8


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

    It is built with the settings: those that are committed, and before them those that were read. What dependencies
    run while they are installed has no business with these, and neither has any with the secrets of the host.
    """
    told = {**at.values, "GIT_COMMIT": commit}
    try:
        at.git.unpack(commit, folder)
        shutil.copyfile(folder / f".env.{at.env}.example", folder / ".env")
        variables = documented(at.env, folder)
        _lacks(commit, {**dotenv.read(folder / ".env"), **at.values}, variables, at)
        without = ("RECORD_TOKEN", KEY, "SETTINGS_FILE", *store.OPENS, *secrets, *variables, *at.values)
        run(str(folder / "ops/setup"), folder=folder, shown=True, without=without)
        run(str(folder / "ops/build"), folder=folder, environment=told, shown=True, without=without)
        _leaks(folder / "dist", at.values, variables)
    except OSError as error:
        raise Failure(f"{commit} cannot be built: {error}") from error
    return folder / "dist"


def _lacks(commit: str, known: Mapping[str, str], variables: Mapping[str, Variable], at: Context) -> None:
    """Say what the build does without, as on a machine that has no settings; stop if that cannot be."""
    lacks = [name for name in variables if not known.get(name)]
    needs = [name for name in lacks if variables[name].required]
    if needs:
        where = store.where(at, at.env)
        raise Failure(f"{commit} cannot be built for {at.env} without {', '.join(needs)}, which belong in {where}")
    if lacks:
        at.console.say(f"building without {', '.join(lacks)}")


def _leaks(folder: Path, values: Mapping[str, str], variables: Mapping[str, Variable]) -> None:
    """Stop if a file that everybody can read has a secret, such as a token that the build itself needs."""
    public = [name for name, it in variables.items() if not it.secret]
    secrets = {name: it.encode() for name, it in values.items() if name not in public and len(it) >= TELLING}
    for each in files(folder) if secrets else ():
        content = (folder / each.path).read_bytes()
        for name, value in secrets.items():
            if value in content:
                raise Failure(f"the build put the value of {name}, a secret, into {each.path}")


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
