"""Runs an update and does something at the N-th step that it takes in a folder.

    python moments.py FOLDER ACTION STEP ARGUMENT…       `scaffold ARGUMENT…`, in the folder itself
    python moments.py FOLDER kill COPIES [--abort | --continue]    in a copy for each step there is

A step is a file made, opened for writing, moved, linked or removed below the folder, or a process
started in it; the action comes before it. The action is a signal (`kill`, `int`, `term`) or a shell
command. COPIES/1, COPIES/2 … are what is left when the process is killed at that step; the last
one came to its end. Without a flag it applies an update that is worked out only once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from project import applied_by, copied, updated

from scaffold import cli

CHANGES = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "open"}
SIGNALS = {"kill": signal.SIGKILL, "int": signal.SIGINT, "term": signal.SIGTERM}


def watch(folder: Path, action: str, at: int) -> None:
    """Count this process's steps from here on, and act at one of them."""
    steps = 0

    def hook(event: str, details: tuple[Any, ...]) -> None:
        nonlocal steps
        if event == "subprocess.Popen":
            places = details[2:3]
        elif event in CHANGES and not (event == "open" and _reads(details[2])):
            places = details[:2]
        else:
            return
        if not any(_is_within(place, folder) for place in places):
            return
        steps += 1
        if steps != at:
            return
        if action in SIGNALS:
            os.kill(os.getpid(), SIGNALS[action])
        else:
            subprocess.run(action, shell=True, check=False, cwd=folder)  # noqa: S602  # a test's

    sys.addaudithook(hook)


def _reads(flags: int) -> bool:
    return not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)


def _is_within(place: object, folder: Path) -> bool:
    return isinstance(place, str | bytes | os.PathLike) and os.fsdecode(place).startswith(
        str(folder)
    )


def killed_at_every_step(folder: Path, copies: Path, flag: str) -> None:
    apply = None if flag else applied_by(folder)
    at, killed = 0, True
    while killed:
        at += 1
        copy = copied(folder, copies / str(at))
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            watch(copy, "kill", at)
            if apply:
                apply(copy)
            else:
                updated(copy, abort=flag == "--abort", resume=flag == "--continue")
            os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    where, what, step, *rest = sys.argv[1:]
    if step.isdigit():
        os.chdir(where)
        watch(Path(where), what, int(step))
        sys.argv = ["scaffold", *rest]
        cli.main()
    killed_at_every_step(Path(where), Path(step), "".join(rest))
