"""Who can read a backup: age encrypts it to recipients, and only their identities open it again."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .errors import Misuse
from .packages import provide
from .pipes import Step
from .process import run
from .variables import Settings

SITE = "https://age-encryption.org"
RECIPIENT = re.compile(r"age1[0-9a-z]{50,}|ssh-(ed25519|rsa) \S+( .*)?")


def need(settings: Settings) -> None:
    """Note what is missing."""
    provide(settings, "age", apk="age", apt="age")
    settings.need_tool("age", SITE)
    settings.need_tool("age-keygen", SITE)


def recipients(settings: Settings) -> tuple[str, ...]:
    """Give who can read backups, a line for each."""
    found = tuple(filter(None, map(str.strip, settings.get("BACKUP_RECIPIENT").splitlines())))
    for each in found:
        if not RECIPIENT.fullmatch(each):
            raise Misuse("BACKUP_RECIPIENT is to be a recipient of age, age1…; `age-keygen` prints one")
    return found


def closing(readers: Sequence[str]) -> Step:
    """Encrypt to them."""
    return Step(("age", "--encrypt", *(part for each in readers for part in ("--recipient", each))))


@contextmanager
def opening(identity: str) -> Iterator[Step]:
    """Decrypt by an identity, which is in no file."""
    reads, writes = os.pipe()
    try:
        os.write(writes, f"{identity.strip()}\n".encode())
        os.close(writes)
        yield Step(("age", "--decrypt", "--identity", f"/dev/fd/{reads}"), keeps=(reads,))
    finally:
        os.close(reads)


def new_identity() -> tuple[str, str]:
    """Make an identity that nobody has, and its recipient."""
    lines = run("age-keygen").splitlines()
    recipient = next(line.rpartition(" ")[2] for line in lines if line.startswith("# public key:"))
    return lines[-1], recipient
