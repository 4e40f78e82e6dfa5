"""The backups of an environment: two files each, below SERVICE/ENV/ of the bucket, the dump and its manifest."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone

from . import age, dumping, keeping, manifest
from .bucket import Bucket, File
from .errors import Failure, Misuse, otherwise
from .manifest import Manifest, Refused
from .pipes import Step, piped
from .platform import Context
from .upload import Upload

STAMP = "%Y%m%dT%H%M%SZ"
NAME = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{4}")
DUMP, MANIFEST = ".dump.age", ".json"
DAY = timedelta(days=1)
CHUNK = 1 << 20


def need(at: Context) -> None:
    """Note what is missing to read and write them."""
    at.settings.need("BACKUP_BUCKET", "the bucket that backups are in; BACKUP_ENDPOINT is where, if not at AWS")
    at.settings.need("BACKUP_ACCESS_KEY_ID", "an access key of the bucket")
    at.settings.need("BACKUP_SECRET_ACCESS_KEY", "the secret of that key")


def taken(name: str) -> datetime:
    """Give when one was taken."""
    found = NAME.fullmatch(name)
    if not found:
        raise Misuse(f"'{name}' is no backup: ops/snapshots ENV lists them")
    return datetime.strptime(found[1], STAMP).replace(tzinfo=timezone.utc)


class Backups:
    """Those of one environment."""

    def __init__(self, at: Context) -> None:
        self._at = at
        self._bucket = Bucket(at.settings)
        self._folder = f"{at.project.name}/{at.env}/"
        self._files: dict[str, File] = {}

    def __str__(self) -> str:
        """Say where they are."""
        return f"{self._bucket}/{self._folder}"

    def look(self) -> list[str]:
        """List those that are finished, oldest first."""
        self._files = {each.name: each for each in self._bucket.files(self._folder)}
        names = {each[len(self._folder) :].partition(".")[0] for each in self._files}
        return sorted(name for name in names if NAME.fullmatch(name) and self._path(name, MANIFEST) in self._files)

    def unfinished(self) -> list[str]:
        """List those that have a dump alone; `look` comes before that."""
        ends = [name[len(self._folder) :] for name in self._files if name.endswith(DUMP)]
        names = [end[: -len(DUMP)] for end in ends]
        return sorted(name for name in names if NAME.fullmatch(name) and self._path(name, MANIFEST) not in self._files)

    def read(self, name: str) -> Manifest:
        """Read what is known of one."""
        if self._path(name, MANIFEST) not in self._files:
            if name in self.unfinished():
                raise Refused(f"unfinished: {name} has no manifest")
            raise Misuse(f"there is no backup {name} in {self}; ops/snapshots {self._at.env} lists them")
        return manifest.read(self._bucket.get(self._path(name, MANIFEST)), name)

    def dump(self, found: Manifest) -> Iterator[bytes]:
        """Read its dump; what is not the one that was written is refused, at the latest at its end."""
        file = self._files.get(self._path(found.name, DUMP), File("", 0))
        hashed, size = hashlib.sha256(), 0
        if file.size < found.size:
            manifest.whole(found, file.size, "")
        for part in self._bucket.read(file):
            hashed.update(part)
            size += len(part)
            yield part
        manifest.whole(found, size, hashed.hexdigest())

    def take(self, url: str, readers: Sequence[str], *, accept: bool) -> Manifest:
        """Take one of what is at an address, and say what is wrong with it, once it is there."""
        before = self._good()
        now = datetime.now(timezone.utc)
        name = f"{now.strftime(STAMP)}-{secrets.token_hex(2)}"
        with otherwise(f"nothing was backed up; what was in {self} before is there"):
            with dumping.frozen(url) as frozen:
                size, digest = self._uploaded(name, frozen.dump, readers)
                has = frozen.told()
            if not has.tables:
                self._remove(name)
                raise Refused("empty: the database has no tables")
            lost = manifest.losses(before.tables, has.tables) if before and not accept else ()
            found = Manifest(
                name, self._at.project.name, self._at.env, dumping.name(url), dumping.ENGINE, has.server,
                has.tool, now.isoformat(timespec="seconds"), size, digest, has.migration, tuple(readers), has.tables,
                before.name if before else "", lost, has.moment,
            )  # fmt: skip
            self._bucket.put(self._path(name, MANIFEST), found.text().encode())
        return found

    def tidy(self) -> list[str]:
        """Take away what need not be kept, and what was never finished; what is suspicious is nobody's reason."""
        finished = self.look()
        stays = keeping.kept(taken(name) for name in finished)
        old = [name for name in finished if taken(name) not in stays]
        dead = [name for name in self.unfinished() if datetime.now(timezone.utc) - taken(name) > DAY]
        for name in (*old, *dead):
            self._remove(name)
        self._bucket.sweep(self._folder)
        return old

    def _good(self) -> Manifest | None:
        """Give the newest that lost nothing."""
        for name in reversed(self.look()):
            with suppress(Refused):
                found = self.read(name)
                if not found.losses:
                    return found
        return None

    def _uploaded(self, name: str, dump: Sequence[Step], readers: Sequence[str]) -> tuple[int, str]:
        hashed, size = hashlib.sha256(), 0
        upload = Upload(self._bucket, self._path(name, DUMP))
        try:
            with piped(*dump, age.closing(readers)) as dumping_:
                while True:
                    part = dumping_.output.read(CHUNK)
                    if not part:
                        break
                    hashed.update(part)
                    size += len(part)
                    upload.add(part)
                dumping_.ended()
            upload.end()
        except BaseException:
            with suppress(Failure):
                upload.abandon()
            raise
        return size, hashed.hexdigest()

    def _remove(self, name: str) -> None:
        """Without its manifest it is none any more, so that goes first."""
        self._bucket.delete(self._path(name, MANIFEST))
        self._bucket.delete(self._path(name, DUMP))

    def _path(self, name: str, end: str) -> str:
        return f"{self._folder}{name}{end}"
