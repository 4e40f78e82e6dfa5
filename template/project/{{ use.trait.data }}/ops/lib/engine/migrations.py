"""The files in db/migrations: what they are called, and which of what they say no release may do in silence."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from . import script
from .errors import Failure, Misuse

FOLDER = Path("db/migrations")
NAME = re.compile(r"(\d{14})_[a-z0-9_]+" + re.escape(script.SUFFIX))


class Migration(NamedTuple):
    """A file."""

    name: str
    text: str

    @property
    def version(self) -> str:
        """Give what it is sorted by, and what the database knows it by."""
        return self.name.partition("_")[0]

    @property
    def owned_up(self) -> bool:
        """Say whether it says of itself that it destroys something, and why."""
        return script.owned_up(self.text)

    @property
    def alone(self) -> bool:
        """Say whether it runs outside of a transaction."""
        return script.alone(self.text)

    @property
    def undone(self) -> list[str]:
        """Say what is lost when it is taken back."""
        return script.undone(self.text)

    def problems(self) -> Iterator[str]:
        """Say what is wrong with it as it stands."""
        if not NAME.fullmatch(self.name):
            like = f"20261130120000_what_it_does{script.SUFFIX}"
            yield f"{self.name}: expected a name as ops/migrate ENV new gives it, {like}"
        yield from (f"{self.name}: {problem}" for problem in script.problems(self.text))


def here(folder: Path = FOLDER) -> list[Migration]:
    """Read them, oldest first."""
    if not folder.is_dir():
        raise Failure(f"there is no folder {folder}")
    files = sorted(folder.glob(f"[0-9]*{script.SUFFIX}"))
    return [Migration(file.name, file.read_text("utf-8")) for file in files]


def wrong(found: list[Migration]) -> list[str]:
    """Say what is wrong with these files, a line for each."""
    lines = [line for each in found for line in each.problems()]
    for one, other in zip(found, found[1:]):
        if one.version == other.version:
            lines.append(f"{other.name}: {one.name} has the same number, so that one of them would never run")
    return lines


def write(what: str, known: list[Migration]) -> Path:
    """Write the file of the next one."""
    what = re.sub(r"[^a-z0-9]+", "_", what.lower()).strip("_")
    if not what:
        raise Misuse("a name has letters: ops/migrate local new add_colour_to_orders")
    now = time.strftime("%Y%m%d%H%M%S", time.gmtime())
    newest = known[-1].version if known else ""
    version = now if now > newest else str(int(newest) + 1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / f"{version}_{what}{script.SUFFIX}"
    file.write_text(script.SKELETON.format(name=what.replace("_", " ").capitalize()), "utf-8")
    return file
