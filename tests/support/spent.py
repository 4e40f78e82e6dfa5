"""Where the time of a test run goes: a table at its end, by the folders of the tests."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
import warm


def processor() -> float:
    """Give the processor seconds of this process, and of those it waited for, until now."""
    return sum(os.times()[:4]) + warm.spent["seconds"]


class Spent:
    """Notes with each report what it cost, which the reports of other processes carry too."""

    def __init__(self) -> None:
        self.before = processor()

    def pytest_collection_finish(self) -> None:
        """Leave out what it took to find the tests."""
        self.before = processor()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        now = processor()
        report.processor = now - self.before  # type: ignore[attr-defined]
        self.before = now
        return report

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        rows: dict[str, list[float]] = {}
        for reports in terminalreporter.stats.values():
            for report in reports:
                if isinstance(report, pytest.TestReport):
                    folder = report.nodeid.partition("::")[0].rpartition("/")[0]
                    more = getattr(report, "processor", 0.0), report.duration, report.when == "call"
                    before = rows.get(folder, (0.0, 0.0, 0))
                    rows[folder] = [a + b for a, b in zip(before, more, strict=True)]
        terminalreporter.section("where time went")
        terminalreporter.line("processor s   seconds   tests")
        everything = [sum(column) for column in zip(*rows.values(), strict=True)] or [0, 0, 0]
        rows = dict(sorted(rows.items(), reverse=True, key=lambda row: row[1]))
        for folder, (cost, took, tests) in {**rows, "all of them": everything}.items():
            terminalreporter.line(f"{cost:11.0f}{took:10.0f}{tests:8.0f}  {folder}")
