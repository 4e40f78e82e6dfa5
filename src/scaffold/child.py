"""A program that does something for us: for so long, or until somebody has had enough of it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

#: Seconds in which another Ctrl-C belongs to the first, as of somebody impatient.
IMPATIENCE = 0.5


class SkippedError(Exception):
    """Somebody pressed Ctrl-C while it could be skipped."""


@contextmanager
def skippable() -> Iterator[None]:
    """Let Ctrl-C end this block and nothing else.

    Raises:
        SkippedError: When it did.
    """
    before = signal.getsignal(signal.SIGINT)
    here = threading.current_thread() is threading.main_thread()
    if not here or before in {signal.SIG_IGN, None}:
        yield
        return

    def skip(_signal: int, _frame: object) -> NoReturn:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise SkippedError

    signal.signal(signal.SIGINT, skip)
    try:
        yield
    except SkippedError:
        time.sleep(IMPATIENCE)
        raise
    finally:
        signal.signal(signal.SIGINT, before)


def run(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], limit: float, said: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a program; nothing that it started outlives this when it is cut short.

    Args:
        command: The program and its arguments.
        cwd: Where it runs.
        env: All that its environment holds.
        limit: Seconds that it may take.
        said: What it reads from its standard input.

    Raises:
        subprocess.TimeoutExpired: When it took longer.
        OSError: When it cannot be started.
    """
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # a group of its own, which a terminal's Ctrl-C does not reach
    ) as process:
        try:
            out, err = process.communicate(said, timeout=limit)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()  # which Popen leaves out after an interrupt
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)
