"""How many borrow a connection to the database, or wait for one that is free."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from app.service import NAME

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

_POOL = {"db.client.connection.pool.name": NAME}


class PoolUsage:
    def __init__(self, maximum: int) -> None:
        self.borrowers = 0
        self._max = maximum

    def __enter__(self) -> None:
        """Borrow one."""
        self.borrowers += 1

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self.borrowers -= 1

    def observe(self, meter: "Meter") -> None:
        from opentelemetry.metrics import Observation  # noqa: PLC0415 (loaded by who measures)

        def told(value: Callable[[], int], **more: str) -> list[Callable[[Any], Iterable[Any]]]:
            return [lambda _: [Observation(value(), {**_POOL, **more})]]

        used = {"db.client.connection.state": "used"}
        meter.create_observable_up_down_counter(
            "db.client.connection.count",
            told(lambda: min(self.borrowers, self._max), **used),
            "{connection}",
            "How many connections to the database are in use.",
        )
        meter.create_observable_up_down_counter(
            "db.client.connection.max",
            told(lambda: self._max),
            "{connection}",
            "How many connections to the database there may be.",
        )
        meter.create_observable_up_down_counter(
            "db.client.connection.pending_requests",
            told(lambda: max(self.borrowers - self._max, 0)),
            "{request}",
            "How many wait for a connection to the database.",
        )
