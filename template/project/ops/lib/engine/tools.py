"""Programs that are no dependency of the project: ops/lib/tools.txt says where CI gets them.

TOOLS_MIRROR is where else the files are, if not at their makers': https://mirror.example serves
https://github.com/a/b as https://mirror.example/github.com/a/b.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path

from .errors import Failure
from .tasks import Call, Usage
from .variables import Settings

USAGE = Usage(1, 1, "name a tool")


def use_tool(name: str, address: str, settings: Settings) -> None:
    """Have a program on the PATH, or note that it is missing."""
    if (settings.get("CI") or settings.get("TOOLS_DOWNLOAD")) and not shutil.which(name):
        os.environ["PATH"] += os.pathsep + str(installed(name, settings).parent)
    settings.need_tool(name, address)


def installed(name: str, settings: Settings) -> Path:
    """Give the program, downloaded unless it was before. Raises Failure if it is not the one that is named."""
    import hashlib  # here, as most tasks find the tool on the PATH
    import tarfile

    sha256, address, member = _row(name)
    program = Path(".cache/tools", sha256, name).resolve()
    if os.access(program, os.X_OK):
        return program
    url = settings.get("TOOLS_MIRROR", "https:/") + address[len("https:/") :]
    content = settings.persist(3, lambda: _downloaded(url, address))
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Failure(f"{address} is not the file that its SHA-256 names")
    if address.endswith(".tar.gz"):
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            packed = archive.extractfile(member)
            if not packed:
                raise Failure(f"{address} has no file {member}")
            content = packed.read()
    program.parent.mkdir(parents=True, exist_ok=True)
    new = program.with_name("new")
    new.write_bytes(content)
    new.chmod(0o755)
    new.replace(program)
    return program


def _row(name: str) -> list[str]:
    machine = os.uname().machine.replace("arm64", "aarch64")
    # Alpine's C library is another: where there is a file for it, that one.
    libc = "-alpine" if Path("/etc/alpine-release").exists() else ""
    rows = map(str.split, Path("ops/lib/tools.txt").read_text("utf-8").splitlines())
    files = {row[1]: row[2:] for row in rows if row[:1] == [name]}
    found = files.get(machine + libc) or files.get(machine)
    if not found or sys.platform != "linux":
        raise Failure(f"no {name} for {os.uname().sysname} on {machine}")
    return found


def _downloaded(url: str, address: str) -> bytes:
    from http.client import HTTPException
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=60) as answer:  # noqa: S310 (ours, or the mirror's)
            return bytes(answer.read())
    except (OSError, HTTPException) as error:
        raise Failure(f"could not download {address}: {error}") from None


def task(call: Call) -> None:
    """Print the folder of a tool."""
    sys.stdout.write(f"{installed(call.names[0], call.settings).parent}\n")
