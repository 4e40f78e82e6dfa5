import asyncio
import time
from weakref import WeakSet


class Deadlines:
    """Cancels requests that take too long, all with one timer: the oldest is due first.

    asyncio.timeout() would do, but costs a timer for every request.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._cancelled: WeakSet[asyncio.Task[object]] = WeakSet()
        self._pending: dict[asyncio.Task[object], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def start(self, now: float) -> asyncio.Task[object]:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("no task to cancel")
        self._pending[task] = now + self._seconds
        if self._timer is None:
            self._wait(self._seconds)
        return task

    def stop(self, task: asyncio.Task[object]) -> None:
        """Let a task take its time from here on."""
        self._pending.pop(task, None)

    def cancelled(self, task: asyncio.Task[object]) -> bool:
        """Tell whether it was this that cancelled a task, which then may go on."""
        if task not in self._cancelled:
            return False
        self._cancelled.discard(task)
        task.uncancel()
        return True

    def _wait(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._check)

    def _check(self) -> None:
        self._timer = None
        now = time.perf_counter()
        for task, due in list(self._pending.items()):
            if due > now:
                self._wait(due - now)
                break
            del self._pending[task]
            self._cancelled.add(task)
            task.cancel("the request took too long")
