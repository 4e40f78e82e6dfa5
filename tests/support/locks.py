"""What the test processes of this run, and of others, take in turns."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def locked(file: Path, mode: str = "a") -> Iterator[IO[Any]]:
    """Have a file to oneself."""
    with file.open(mode) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
