"""Programs that are packages of the system: pipelines get them once a task needs them, people are told."""

from __future__ import annotations

import os
import shutil

from .process import run
from .variables import Settings


def provide(settings: Settings, program: str, *, apk: str, apt: str) -> None:
    """Have a program in a pipeline, unless it is there: of Alpine, or of Debian and Ubuntu."""
    if not settings.get("CI") or shutil.which(program):
        return
    if shutil.which("apk"):
        run("apk", "add", "--quiet", "--no-cache", apk, shown=True)
    elif shutil.which("apt-get"):
        as_root("apt-get", "update", "-qq")
        as_root("apt-get", "install", "-y", "-qq", "--no-install-recommends", apt)


def as_root(*command: str) -> None:
    """Run a command as root, which a runner may become."""
    quiet = ("env", "DEBIAN_FRONTEND=noninteractive", *command)
    if os.getuid() and shutil.which("sudo"):
        run("sudo", "--non-interactive", *quiet, shown=True)
    else:
        run("env", *quiet[1:], shown=True)
