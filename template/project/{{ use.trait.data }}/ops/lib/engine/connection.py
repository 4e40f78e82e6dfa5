"""Where the database of an environment is: DATABASE_URL of its settings, and how to get there safely."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from . import dotenv, reading
from .dialect import EXAMPLE, SCHEMES, secured
from .errors import Failure
from .platform import Context

#: What a machine of one's own or a pipeline calls a server beside it: no name of the internet.
BESIDE = re.compile(r"localhost|127\.[\d.]+|::1|host\.docker\.internal|[a-z0-9_-]+")


class Unreachable(Failure):
    """No server was found, which took some seconds to know."""


class Connection(NamedTuple):
    """A database. As text it has no password.

    Args:
        certificate: Of the authority that signed the server's, where that is none that everybody knows.
    """

    env: str
    url: str
    certificate: str = ""

    def __str__(self) -> str:
        """Say where it is."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}{parts.path}"

    @property
    def name(self) -> str:
        """Give the name of the database."""
        return urlsplit(self.url).path.lstrip("/")

    def beside(self, name: str) -> Connection:
        """Give another database of the same server."""
        return self._replace(url=urlsplit(self.url)._replace(path=f"/{name}").geturl())

    @contextmanager
    def opened(self) -> Iterator[str]:
        """Give the address that programs get, by their environment alone: outside `local` only with a certificate."""
        if self.env == "local":
            yield secured(self.url, "", local=True)
        elif not self.certificate:
            yield secured(self.url, "", local=False)
        else:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "ca.pem")
                file.write_text(self.certificate, "utf-8")
                yield secured(self.url, str(file), local=False)

    def scrubbed(self, text: str) -> str:
        """Give what a program said, without the address and its password; of a shorter one, words would be missing."""
        password = urlsplit(self.url).password or ""
        for secret in (self.url, password, unquote(password)):
            text = text.replace(secret, "***") if len(secret) > 3 else text
        return text


def check(at: Context) -> None:
    """Note what is missing to find it."""
    if at.env != "local":
        reading.check(at)


def find(at: Context) -> Connection:
    """Find it, or say what is wrong without the address itself."""
    return of(at, *settings(at))


def of(at: Context, values: Mapping[str, str], where: str) -> Connection:
    """Find it by settings from somewhere."""
    url = values.get("DATABASE_URL", "")
    if not url:
        raise Failure(f"there is no DATABASE_URL in {where}")
    if not _fits(url):
        raise Failure(f"DATABASE_URL in {where} is no {EXAMPLE}; in a password, / @ : ? # % are to be percent-encoded")
    found = Connection(at.env, url, values.get("DATABASE_CA", "").replace("\\n", "\n"))
    for host in _hosts(url) if at.env == "local" else ():
        if not BESIDE.fullmatch(host):
            raise Failure(f"DATABASE_URL in {where} is at {host}, which is no server beside this machine: not touched")
    return found


def _fits(url: str) -> bool:
    try:
        parts = urlsplit(url)
        fits = bool(parts.scheme in SCHEMES and all(_hosts(url)) and len(parts.path) > 1)
    except ValueError:
        return False
    return fits and not re.search(r"[\s#]|%(?![0-9A-Fa-f]{2})", url)


def _hosts(url: str) -> list[str]:
    """Give the names of its hosts, of which a cluster may have several; an empty one where there is none."""
    hosts = [urlsplit(f"//{host}") for host in urlsplit(url).netloc.rpartition("@")[2].split(",")]
    return ["" if host.port == 0 else host.hostname or "" for host in hosts]


def settings(at: Context) -> tuple[Mapping[str, str], str]:
    """Give the settings and where they are from: on this machine as the service gets them, or else the example's."""
    if at.env == "local":
        if os.environ.get("DATABASE_URL"):
            return os.environ, "the environment"
        file = next(filter(Path.exists, map(Path, (".env.local", ".env.local.example"))), None)
        return (dotenv.read(file), str(file)) if file else ({}, ".env.local")
    found = reading.read(at)
    where = f"the settings of {at.env}"
    if found is None:
        raise Failure(f"this machine does not have {where}, and so no DATABASE_URL: SETTINGS_FILE names a file")
    return found.values, where
