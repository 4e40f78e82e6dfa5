"""Other programs. What is secret goes in by stdin or by the environment, never by an argument."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import Failure

#: By which somebody stops a task.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Calls a function of the language of the project, see ops/lib/stack.sh.
STACK = ("sh", "-euc", '. ops/lib/common.sh; . ops/lib/stack.sh; "$@"', "ops")


class ProgramFailed(Failure):
    """A program ended with another code than 0."""

    def __init__(self, program: str, code: int, said: str) -> None:
        last = said.strip().splitlines()[-1:] or [f"it ended with {code}"]
        super().__init__(f"{program} failed: {last[0]}")
        self.said = said


def ended(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401
    """Run a program to its end, by sh if it does not say by what."""
    with _patience():
        try:
            return subprocess.run(command, check=False, **options)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            return subprocess.run(["sh", *command], check=False, **options)


def run(
    *command: str,
    stdin: str = "",
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    shown: bool = False,
    without: Sequence[str] = (),
) -> str:
    """Run a program to its end and give what it prints; `shown` lets people see it instead.

    Its environment is that of the task, `without` some variables.
    """
    ours = {name: os.environ[name] for name in os.environ if name not in without}
    try:
        done = ended(
            command,
            input=stdin,
            cwd=folder,
            env={**ours, **(environment or {})},
            stdout=2 if shown else subprocess.PIPE,
            stderr=None if shown else subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise ProgramFailed(command[0], 127, str(error)) from None
    if done.returncode:
        raise ProgramFailed(Path(command[0]).name, done.returncode, done.stderr or "")
    return done.stdout or ""


def status(*command: str) -> int:
    """Run a task that people see, and give how it ended."""
    try:
        return ended(command).returncode
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 126


def stack(function: str, *arguments: str) -> str:
    """Call a function of the project's language, and give what it prints."""
    return run(*STACK, function, *arguments)


@contextmanager
def _patience() -> Iterator[None]:
    """Heed a signal once a program has ended, which a terminal sent it to as well.

    subprocess would kill it at once: halfway through a migration, and what it started would go on.
    """
    came: list[int] = []
    ours = [number for number in SIGNALS if callable(signal.getsignal(number))]
    held = {number: signal.signal(number, lambda number, _: came.append(number)) for number in ours}
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
    for first in came[:1]:
        signal.raise_signal(first)
