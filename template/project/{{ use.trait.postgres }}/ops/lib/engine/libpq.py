"""PostgreSQL's own programs: what they are told of a database is in their environment, no argument of a process."""

from __future__ import annotations

import os
import shutil
import ssl
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from .errors import Failure
from .http import CERTIFICATES
from .packages import as_root
from .pipes import gist
from .process import ProgramFailed, run
from .variables import Settings

#: How libpq calls what an address may have after its question mark.
OPTIONS = {"options": "PGOPTIONS", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}
#: Where Debian, Alpine and Homebrew have those of a version.
FOLDERS = ("/usr/lib/postgresql/{}/bin", "/usr/libexec/postgresql{}", "/opt/homebrew/opt/postgresql@{}/bin")
PSQL = ("--no-psqlrc", "--no-password", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1")


def authorities() -> str:
    """Give the file of those that this machine trusts; libpq finds it by itself from version 16 on."""
    files = (ssl.get_default_verify_paths().cafile, "/etc/ssl/certs/ca-certificates.crt", CERTIFICATES)
    return next((file for file in files if file and os.path.exists(file)), "system")


def environment(url: str) -> dict[str, str]:
    """Give what an address says as libpq's variables, in place of all that a person's shell may have of them."""
    parts = urlsplit(url)
    told = {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port or 5432),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.lstrip("/")),
        "PGCONNECT_TIMEOUT": "10",
    }
    told.update({OPTIONS[name]: value for name, value in parse_qsl(parts.query) if name in OPTIONS})
    if told.get("PGSSLMODE") == "verify-full":
        told.setdefault("PGSSLROOTCERT", authorities())
    return {**dict.fromkeys((name for name in os.environ if name.startswith("PG")), ""), **told}


def version_of(server: str) -> tuple[dict[str, str], str]:
    """Find the programs of the server's version: by PATH, and give that version.

    What an older one dumps lacks what that does not know; what a newer one dumps sets what the server does not know.
    """
    major = server.partition(".")[0]
    found = _found(major)
    if not found and Settings().get("CI"):
        _install(major)
        found = _found(major)
    if not found:
        what = f"PostgreSQL's client programs of {major}"
        raise Failure(f"pg_dump is to be of the server's version: install {what}")
    return found


def _found(major: str) -> tuple[dict[str, str], str] | None:
    path = os.environ.get("PATH", "")
    for folder in ("", *(each.format(major) for each in FOLDERS)):
        there = {"PATH": f"{folder}{os.pathsep}{path}" if folder else path}
        if Path(folder or "/").is_dir() and shutil.which("pg_dump", path=there["PATH"]):
            version = run("pg_dump", "--version", environment=there).split()[2]
            if version.partition(".")[0] == major:
                return there, version
    return None


def _install(major: str) -> None:
    """Have them in a pipeline; Debian and Ubuntu get other versions than their own from PostgreSQL's archive."""
    archive = "/usr/share/postgresql-common/pgdg/apt.postgresql.org.sh"
    if shutil.which("apk"):
        run("apk", "add", "--quiet", "--no-cache", f"postgresql{major}-client", shown=True)
    elif shutil.which("apt-get"):
        as_root("apt-get", "install", "-y", "-qq", "--no-install-recommends", "postgresql-common", "ca-certificates")
        as_root("sh", archive, "-y")
        as_root("apt-get", "install", "-y", "-qq", "--no-install-recommends", f"postgresql-client-{major}")


def ask(url: str, question: str) -> str:
    """Ask one thing; what it says does not have the password."""
    try:
        return run("psql", *PSQL, stdin=f"{question};\n", environment=environment(url)).strip()
    except ProgramFailed as error:
        raise ProgramFailed("psql", 1, gist(error.said)) from None
