"""Programs that read what others write, without a file in between."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from .process import ProgramFailed


class Step(NamedTuple):
    """A program: its environment is that of the task and more, `keeps` what it may read beside its input."""

    command: Sequence[str]
    environment: Mapping[str, str] = {}
    keeps: tuple[int, ...] = ()


class Pipeline:
    """Programs that run, the first one's `input` if it has any, and the last one's `output`."""

    def __init__(self, steps: Sequence[Step], *, fed: bool) -> None:
        self._steps = steps
        self._said = [tempfile.TemporaryFile() for _ in steps]  # noqa: SIM115 (closed by `close`)
        self._running: list[subprocess.Popen[bytes]] = []
        for step, said in zip(steps, self._said):
            before = self._running[-1].stdout if self._running else subprocess.PIPE if fed else subprocess.DEVNULL
            told = {**os.environ, "LC_ALL": "C", **step.environment}
            try:
                running = subprocess.Popen(
                    step.command, env=told, stdin=before, stdout=subprocess.PIPE, stderr=said, pass_fds=step.keeps
                )
            except OSError as error:
                self.close()
                raise ProgramFailed(step.command[0], 127, str(error)) from None
            if self._running:
                # Only who reads it has it open: when that one ends, who writes learns it.
                _there(self._running[-1].stdout).close()
            self._running.append(running)

    @property
    def input(self) -> IO[bytes]:
        """What the first program reads."""
        return _there(self._running[0].stdin)

    @property
    def output(self) -> IO[bytes]:
        """What the last program writes."""
        return _there(self._running[-1].stdout)

    def feed(self, parts: Iterable[bytes]) -> Feeding:
        """Have the first program read this, beside what else is done."""
        return Feeding(self, parts)

    def ended(self) -> None:
        """Wait for all of them; stop if one of them failed, the first that says why."""
        codes = [each.wait() for each in self._running]
        told = []
        for step, said, code in zip(self._steps, self._said, codes):
            said.seek(0)
            words = said.read().decode("utf-8", "replace")
            if code:
                told.append((not words.strip(), ProgramFailed(Path(step.command[0]).name, code, gist(words))))
        if told:
            # Who is cut off by another has nothing to say.
            raise min(told, key=lambda it: it[0])[1]

    def close(self) -> None:
        """Leave none of them running."""
        for each in self._running:
            each.kill()
            for stream in (each.stdin, each.stdout):
                if stream:
                    with suppress(OSError):
                        stream.close()
            each.wait()
        for said in self._said:
            said.close()


class Feeding(threading.Thread):
    """Writes what a pipeline reads; whatever goes wrong with it is raised by `done`."""

    def __init__(self, pipeline: Pipeline, parts: Iterable[bytes]) -> None:
        super().__init__(daemon=True)
        self._pipeline, self._parts = pipeline, parts
        self._wrong: Exception | None = None
        self.start()

    def run(self) -> None:
        """Write it."""
        try:
            for part in self._parts:
                self._pipeline.input.write(part)
            self._pipeline.input.close()
        except BrokenPipeError:
            pass  # it ended, and says why
        except Exception as error:  # noqa: BLE001 (another thread raises it)
            self._wrong = error
            with suppress(OSError):
                self._pipeline.input.close()

    def done(self) -> None:
        """Wait for the end of it."""
        self.join()
        if self._wrong:
            raise self._wrong


@contextmanager
def piped(*steps: Step, fed: bool = False) -> Iterator[Pipeline]:
    """Run them until the end of the block."""
    pipeline = Pipeline(steps, fed=fed)
    try:
        yield pipeline
    finally:
        pipeline.close()


def gist(words: str) -> str:
    """Give the line that says what went wrong, should that not be the last."""
    lines = words.strip().splitlines()
    return next((line for line in lines if "error:" in line.lower()), "\n".join(lines))


def _there(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("it has no pipe there")
    return stream
