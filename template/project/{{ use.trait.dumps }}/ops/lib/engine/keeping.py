"""Which backups are kept: all of two days, then one for each of 7 days, 4 weeks and 12 months that have any."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

ALL = timedelta(days=2)
DAYS, WEEKS, MONTHS = 7, 4, 12
SPANS: tuple[tuple[int, Callable[[datetime], object]], ...] = (
    (DAYS, lambda it: it.date()),
    (WEEKS, lambda it: it.isocalendar()[:2]),
    (MONTHS, lambda it: (it.year, it.month)),
)


def kept(times: Iterable[datetime]) -> set[datetime]:
    """Give those that stay; of a day, a week or a month the newest.

    Spans without one do not count: when backups stop, none goes for being old.
    """
    newest_first = sorted(times, reverse=True)
    found = {each for each in newest_first if newest_first[0] - each <= ALL}
    for number, span in SPANS:
        newest: dict[object, datetime] = {}
        for each in newest_first:
            newest.setdefault(span(each), each)
        found.update(list(newest.values())[:number])
    return found
