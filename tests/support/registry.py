"""A registry of images on loopback: Debian's docker-registry."""

from __future__ import annotations

import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ports import free_port

PASSWORD = "s3cr3t-t0ken"  # noqa: S105 (the registry's own)
#: The password, as bcrypt: what a registry keeps of it.
HASH = "$2a$04$NPwCUQF6081DejgJEzrIqeinbS9hLnvasxn5k6xX8.l90AWzHTRB."
CONFIGURATION = """\
version: 0.1
log: {{ level: error, accesslog: {{ disabled: true }} }}
storage:
  filesystem: {{ rootdirectory: "{folder}/images" }}
http: {{ addr: "{address}" }}
"""
LOGIN = 'auth: {{ htpasswd: {{ realm: test, path: "{folder}/htpasswd" }} }}\n'


@contextmanager
def registry(folder: Path, user: str = "") -> Iterator[str]:
    """Start one that wants `PASSWORD` of a user, or nothing of anybody; give its address.

    Args:
        folder: Where it keeps images; it must not exist.
        user: Who may read and write; everybody, if empty.
    """
    program = shutil.which("docker-registry")
    if not program or not shutil.which("skopeo"):
        pytest.skip("needs docker-registry and skopeo, Debian's packages of these names")
    folder.mkdir()
    (folder / "htpasswd").write_text(f"{user}:{HASH}\n")
    address = f"127.0.0.1:{free_port()}"
    text = CONFIGURATION + (LOGIN if user else "")
    (folder / "config.yml").write_text(text.format(folder=folder, address=address))
    process = subprocess.Popen(
        [program, "serve", str(folder / "config.yml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 20
        while not _answers(address):
            assert time.monotonic() < deadline, "the registry did not start"
            time.sleep(0.1)
        yield address
    finally:
        process.kill()
        process.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/v2/", timeout=1):
            return True
    except urllib.error.HTTPError:
        return True  # it wants a password: it is up
    except OSError:
        return False


def trust(home: Path, *addresses: str) -> None:
    """Have skopeo reach registries without TLS."""
    known = home / ".config/containers/registries.conf"
    known.parent.mkdir(parents=True)
    known.write_text(
        "".join(f'[[registry]]\nlocation = "{at}"\ninsecure = true\n' for at in addresses)
    )
