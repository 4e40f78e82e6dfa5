"""What is measured of the process and its event loop."""

import asyncio
import math
import os
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from opentelemetry.metrics import CallbackOptions, Meter, Observation

_STARTED = time.monotonic()
_STATM = Path("/proc/self/statm")

_TICK_SECONDS = 0.1

# The event loop is told of as it was in the last minute, so that who asks once a minute misses
# nothing, whoever else asks meanwhile.
_PART_TICKS = 100
_PARTS = 6


class Loop:
    """Measures by how much the event loop is late, all but once in 100."""

    def __init__(self) -> None:
        self._late: list[float] = []
        self._parts: deque[float] = deque(maxlen=_PARTS - 1)
        self._timer: asyncio.TimerHandle | None = None
        self._due = math.inf

    def watch(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = due = loop.time() + _TICK_SECONDS
        self._timer = loop.call_at(due, self._tick, due)

    def leave(self) -> None:
        self._due = math.inf
        if self._timer:
            self._timer.cancel()

    @property
    def delay(self) -> float:
        """Of the parts of the last minute the worst, in seconds."""
        # Who asks does so in a thread of its own, also while the loop never comes back.
        now = time.monotonic() - self._due
        return max([_p99(self._late), *self._parts, *([now] if now > _TICK_SECONDS else [])])

    def _tick(self, due: float) -> None:
        self._late.append(max(asyncio.get_running_loop().time() - due, 0.0))
        if len(self._late) == _PART_TICKS:
            self._parts.append(_p99(self._late))
            self._late = []
        self.watch()


def observe_runtime(meter: Meter, loop: Loop) -> None:
    def cpu_time(_options: CallbackOptions) -> Iterable[Observation]:
        times = os.times()
        yield Observation(times.user, {"cpu.mode": "user"})
        yield Observation(times.system, {"cpu.mode": "system"})

    def memory(_options: CallbackOptions) -> Iterable[Observation]:
        # Elsewhere than on Linux there is only what it was at most.
        if _STATM.exists():
            pages = int(_STATM.read_text("ascii").split()[1])
            yield Observation(pages * os.sysconf("SC_PAGE_SIZE"))

    def uptime(_options: CallbackOptions) -> Iterable[Observation]:
        yield Observation(time.monotonic() - _STARTED)

    def delay(_options: CallbackOptions) -> Iterable[Observation]:
        yield Observation(loop.delay)

    meter.create_observable_counter(
        "process.cpu.time", [cpu_time], "s", "How long the process had a processor."
    )
    meter.create_observable_up_down_counter(
        "process.memory.usage", [memory], "By", "How much memory the process has."
    )
    meter.create_observable_gauge("process.uptime", [uptime], "s", "How long the process has run.")
    meter.create_observable_gauge(
        "asyncio.eventloop.delay.p99",
        [delay],
        "s",
        "By how much the event loop was late, all but once in 100.",
    )


def _p99(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) * 99 // 100 - (len(ordered) % 100 == 0)] if ordered else 0.0
