"""An npm that installs what a lock file names once, and links it into whoever asks again.

    python npm_once.py STORE NPM ARGUMENT...

All but what `ops/setup` calls is npm's own business, and so is the first time. But what npm's cache
knows of a package may be older than what another one needs of it, which the registry is asked then.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

#: What installs the packages of a lock file.
INSTALL = ("ci", "--no-audit", "--no-fund")
#: What prefers the cache, and what npm says of a version that is not there.
OFFLINE, TOO_OLD = "npm_config_prefer_offline", "ETARGET"
#: Of a manifest and its lock file, what packages do not depend on.
OWN = ("name", "version", "description", "author", "license")


def key() -> str:
    """Name what is installed here, whatever the project is called."""
    manifest, lock = (json.loads(Path(f"package{of}.json").read_text()) for of in ("", "-lock"))
    for own in (manifest, lock, lock["packages"][""]):
        for name in OWN:
            own.pop(name, None)
    npmrc = Path(".npmrc").read_text() if Path(".npmrc").exists() else ""
    told = json.dumps([manifest, lock, npmrc], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def link(packages: Path, to: Path) -> None:
    """Link every file into a new folder, which is there once all of them are."""
    half = to.with_name(f"{to.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    subprocess.run(["cp", "-al", str(packages), str(half)], check=True)
    half.rename(to)


def install(npm: str, *arguments: str) -> int:
    """Run npm, once more with the registry asked if the cache is too old; give the exit code."""
    done = subprocess.run([npm, *arguments], check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode and TOO_OLD in done.stderr and OFFLINE in os.environ:
        del os.environ[OFFLINE]
        done = subprocess.run([npm, *arguments], check=False, stderr=subprocess.PIPE, text=True)
    sys.stderr.write(done.stderr)
    return done.returncode


def main(store: Path, npm: str, *arguments: str) -> int:
    """Install or link; give the exit code."""
    here = Path("node_modules")
    if arguments != INSTALL or not Path("package-lock.json").exists():
        if arguments[:1] != ("install",):
            os.execv(npm, [npm, *arguments])  # noqa: S606 (it is npm, once more)
        return install(npm, *arguments)
    known = store / key()
    with known.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not known.exists():
            code = install(npm, *arguments)
            if code == 0:
                link(here, known)
            return code
    shutil.rmtree(here, ignore_errors=True)
    link(known, here)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
