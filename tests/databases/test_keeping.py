"""Which backups stay, whatever days they are of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st
from process import engine_of

ENGINE = engine_of(
    ("stack", "node"), ("ci", "github"), ("hosting", "fly"), ("database", "supabase")
)
NOW = datetime(2026, 11, 30, 4, 15, tzinfo=UTC)
kept = ENGINE.keeping.kept
#: Some of four years, several a day at times.
times = st.lists(st.integers(0, 4 * 365 * 24), unique=True, max_size=40).map(
    lambda hours: [NOW - timedelta(hours=it) for it in hours]
)


def daily(days: int) -> list[datetime]:
    return [NOW - timedelta(days=it) for it in range(days)]


def test_of_years_of_days_seven_days_four_weeks_and_twelve_months_stay() -> None:
    stays = sorted(kept(daily(1000)), reverse=True)
    days = [f"{it:%d.%m.}" for it in stays]
    assert days[:7] == ["30.11.", "29.11.", "28.11.", "27.11.", "26.11.", "25.11.", "24.11."]
    # The Sundays before, then the last day of each month before.
    assert days[7:9] == ["22.11.", "15.11."]
    assert days[9:] == [
        "31.10.", "30.09.", "31.08.", "31.07.", "30.06.", "31.05.", "30.04.", "31.03.", "28.02.",
        "31.01.", "31.12.",
    ]  # fmt: skip


def test_what_came_before_a_migration_stays_beside_the_one_of_the_night() -> None:
    hours = [NOW - timedelta(hours=it) for it in (0, 1, 2, 47)]
    assert kept(hours) == set(hours)


@given(times)
@settings(deadline=None)
@example([])
def test_the_newest_stays_and_no_more_than_there_may_be(some: list[datetime]) -> None:
    stays = kept(some)
    assert stays <= set(some)
    assert not some or max(some) in stays
    assert len({it for it in stays if NOW - it > timedelta(days=60)}) <= 23
    assert kept(stays) == stays


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40))
@settings(deadline=None)
def test_who_tidies_up_each_time_keeps_what_tidying_up_once_would(gaps: list[int]) -> None:
    """So nothing goes today that would be wanted next month."""
    now, there, every = NOW, set[datetime](), list[datetime]()
    for gap in gaps:
        now += timedelta(days=gap)
        every.append(now)
        there = kept({*there, now})
    assert there == kept(every)
