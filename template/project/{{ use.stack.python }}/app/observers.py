"""Who is told beside the log, which has it all: what options add."""

import time
from collections.abc import Callable
from threading import Thread

# What nobody has taken by then is lost.
FLUSH_SECONDS = 2.0

# Of the grace period, for the rest of the way out.
MARGIN_SECONDS = 0.2


class Observers:
    def __init__(self) -> None:
        #: Each gets every line of the log, and may not raise.
        self.lines: list[Callable[[bytes], None]] = []
        #: Each gets what failed unexpectedly, and may not raise.
        self.failures: list[Callable[[BaseException], None]] = []
        #: Each sends what is left, when the process ends.
        self.flushes: list[Callable[[], None]] = []

    def clear(self) -> None:
        """Begin anew, with another application."""
        for each in (self.lines, self.failures, self.flushes):
            each.clear()

    def written(self, line: bytes) -> None:
        for tell in self.lines:
            tell(line)

    def failed(self, error: BaseException) -> None:
        for tell in self.failures:
            tell(error)

    def flush(self, by: float) -> None:
        """Have what is left sent, until a moment of the monotonic clock, or for two seconds."""
        end = min(time.monotonic() + FLUSH_SECONDS, by - MARGIN_SECONDS)
        # One that never ends is left behind when the process ends.
        threads = [Thread(target=flush, daemon=True) for flush in self.flushes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0))


#: Of a process, like the log.
observers = Observers()
