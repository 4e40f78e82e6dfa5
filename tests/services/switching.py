"""Flags of a running service that are switched while clients ask, and the page that says how fast.

What was seen is in docs/reference/flags-proof.md: UPDATE_TABLES=1 writes it, without it is held to.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from conftest import ROOT
from pages import recorded

from .service import APIS, WELCOME, Project, Service

PAGE = ROOT / "docs/reference/flags-proof.md"
PREVIEW, NOTE = f"/notes/{WELCOME}/preview", f"/notes/{WELCOME}"
FAILING = "flags cannot be read, the last known ones count"
AGAIN = "flags can be read again"
#: Within so many seconds a switch is to be everywhere.
LIMIT = 10.0
UPDATING = bool(os.environ.get("UPDATE_TABLES"))
#: Seconds between an answer and the client's next request.
PAUSE = 0.02
#: Clients ask all the time, and lines of the log are looked for.
RUN = {"RATE_LIMIT_PER_MINUTE": "0", "LOG_LEVEL": "info"}


def shown(project: Project, row: str, cell: str) -> None:
    """Hold a cell of the page to what was just seen, but for its seconds, or write it there."""

    def filled(text: str) -> str:
        rows = re.findall(r"^\| (.+?) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)[2:]
        table = {name: [node, python] for name, node, python in rows}
        cells = table.setdefault(row, ["", ""])
        at = APIS.index(project.stack)
        if re.sub(r"[\d.]+ s", "", cells[at]) != re.sub(r"[\d.]+ s", "", cell) or UPDATING:
            cells[at] = cell
        lines = [("what happens", "Node", "Python"), ("---", "---", "---")]
        lines += [(name, *told) for name, told in table.items()]
        made = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        return re.sub(r"(^\|.*\n)+", made, text, flags=re.MULTILINE)

    recorded(PAGE, filled)


@dataclass
class Load:
    """Clients that ask all the time, and what they were told, and when."""

    service: Service
    told: list[tuple[float, str, int]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    over: bool = False

    def ask(self, path: str) -> None:
        """Be one of them."""
        with httpx.Client(base_url=self.service.url, trust_env=False, timeout=10) as client:
            while not self.over:
                begun = time.monotonic()
                try:
                    response = client.get(path)
                except httpx.HTTPError as error:
                    self.failed.append(repr(error))
                    continue
                self.told.append((begun, path, response.status_code))
                time.sleep(PAUSE)

    def until(self, status: int, since: float) -> float:
        """Wait until all answers about the preview are so; give the seconds that it took."""
        while time.monotonic() < since + 3 * LIMIT:
            time.sleep(0.2)
            asked = [each for each in self.told if each[1] == PREVIEW and each[0] > since]
            last = max((at for at, _, told in asked if told != status), default=since)
            if any(at > last + 0.5 for at, *_ in asked):
                return last - since
        raise AssertionError("it was not switched at all")


@contextmanager
def load(service: Service) -> Iterator[Load]:
    """Have clients ask for the experiment and for what is none of it, until the block ends."""
    made = Load(service)
    paths = (PREVIEW, PREVIEW, NOTE, NOTE)
    threads = [threading.Thread(target=made.ask, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    try:
        while {path for _, path, _ in made.told} < {*paths}:
            time.sleep(0.05)
        yield made
    finally:
        made.over = True
        for thread in threads:
            thread.join()
    assert made.failed == []
    assert {told for _, path, told in made.told if path == NOTE} == {200}
    assert {told for _, path, told in made.told if path == PREVIEW} == {200, 404}


def switched_under_load(
    project: Project, service: Service, name: str, switch: Callable[[bool], object]
) -> None:
    """Switch the experiment off and on while clients ask for it."""
    took = []
    with load(service) as clients:
        for on in (False, True):
            begun = time.monotonic()
            switch(on)
            took.append(clients.until(200 if on else 404, begun))
    assert max(took) < LIMIT
    row = f"switched by {name} under load, no request fails"
    shown(project, row, f"off in {took[0]:.1f} s, on in {took[1]:.1f} s")


def said(service: Service, msg: str) -> int:
    """Give how often a line is in the log."""
    return [line["msg"] for line in service.log()].count(msg)


def wait_for(service: Service, msg: str, times: int) -> None:
    """Wait for so many lines of the log, as long as a switch may take and longer."""
    end = time.monotonic() + 2 * LIMIT
    while said(service, msg) < times:
        assert time.monotonic() < end, service.out.read_text()
        time.sleep(0.05)
