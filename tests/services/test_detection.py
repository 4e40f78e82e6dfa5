"""Faults are planted in running services, and somebody is told of each once, with what to do.

Services, Prometheus and Alertmanager are real, with the project's own rules and routes; Slack and
PagerDuty are stand-ins that hold messages to what these publish. All durations are a twentieth.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import by_night
from detected import shown
from monitored import alerts
from people import Told
from ports import free_port
from postgres import Postgres, postgres
from store import Store

from .alerting import FASTER, Alerting, alerting, faster
from .faults import FAULTS
from .service import APIS, Project, Service, extend, start

pytestmark = pytest.mark.slow

#: Seconds within which everybody is told, or that it is over; far more than any takes.
SOON = 150.0


class Fault(NamedTuple):
    """Something that goes wrong, and the alert that says so.

    Args:
        asks: What is asked of the service again and again while it lasts: a path and how often a
            second, beside what is well.
        once: What is asked once, at its beginning.
        at_once: A path that so many clients ask for, each again as soon as it has an answer.
        python: The alert in Python, where it is another.
        does: What is done to the process: it ends again and again, or at once.
        mends: Whether it takes a new process to mend it.
    """

    alert: str
    asks: tuple[str, float] | None = None
    once: str = ""
    at_once: tuple[str, int] | None = None
    does: str = ""
    python: str = ""
    mends: bool = False

    def of(self, stack: str) -> str:
        """Give the alert that says so."""
        return self.python if stack == "python" and self.python else self.alert


FAULTY = {
    "crash loop": Fault("restarts", does="crashes"),
    # Python sends on in a thread of its own.
    "hang": Fault("silence", once="/hang", mends=True, python="event-loop"),
    "5 % errors": Fault("errors", asks=("/broken", 0.4)),
    "slow dependency": Fault("latency", asks=("/slow", 1)),
    "memory leak": Fault("memory", once="/leak", mends=True),
    "CPU burn": Fault("cpu", asks=("/burn/150", 2)),
    "event loop held": Fault("event-loop", asks=("/burn/300", 1)),
    "pool exhausted": Fault("pool", at_once=("/rows", 4)),
    "full disk": Fault("errors", asks=("/write", 0.4)),
    "silence": Fault("silence", does="ends", mends=True),
}


class Patient:
    """A service with its traffic, to which something happens."""

    def __init__(self, project: Project, name: str, out: Path, database: str) -> None:
        self.project, self.name, self._out = project, name, out
        self._database = database
        self.scrape = free_port()
        self.asks: dict[str, float] = {"/ok": 6}
        self.crashes = False
        self.busy = ""
        self._stack = ExitStack()
        self._ends = threading.Event()
        self._threads: list[threading.Thread] = []
        self.service: Service | None = None
        self._number = 0

    def begin(self) -> None:
        """Start it, and ask."""
        self._start()
        for work in (self._ask, self._crash):
            self._threads.append(threading.Thread(target=work, daemon=True))
            self._threads[-1].start()

    def keep_busy(self, path: str, clients: int) -> None:
        """Have so many clients ask, until `busy` is empty again."""
        self.busy = path
        for _ in range(clients):
            threading.Thread(target=self._again_and_again, daemon=True).start()

    def _again_and_again(self) -> None:
        while self.busy and not self._ends.is_set():
            self.once(self.busy)

    def _start(self) -> None:
        self._number += 1
        told = {
            "RATE_LIMIT_PER_MINUTE": "0",
            "METRICS_PORT": str(self.scrape),
            "LOG_LEVEL": "error",
            "DATABASE_URL": self._database,
            "DATABASE_POOL_MAX": "2",
        }
        out = self._out / f"{self.name}-{self._number}"
        self.service = self._stack.enter_context(start(self.project, out, **told))

    def again(self) -> None:
        """Have a new process in place of it."""
        self.stop()
        self._start()

    def stop(self) -> None:
        """End the process as by `kill -9`."""
        assert self.service
        self.service.process.kill()
        self.service.process.wait()

    def end(self) -> None:
        """End it, and whoever asks."""
        self._ends.set()
        for each in self._threads:
            each.join(30)
        self._stack.close()

    def once(self, path: str) -> None:
        """Ask for something, whatever comes of it."""
        assert self.service
        at = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=3)
        with closing(at), suppress(OSError, http.client.HTTPException):
            at.request("GET", path)
            at.getresponse().read()

    def _ask(self) -> None:
        due: dict[str, float] = {}
        while not self._ends.wait(0.05):
            now = time.monotonic()
            for path, rate in list(self.asks.items()):
                if now >= due.get(path, 0):
                    due[path] = now + 1 / rate
                    ask = threading.Thread(target=self.once, args=(path,), daemon=True)
                    ask.start()

    def _crash(self) -> None:
        while not self._ends.wait(2.5):
            if self.crashes:
                with suppress(AssertionError):
                    self.again()


def rules_of(project: Project, names: list[str]) -> str:
    """Give the rules of services of these names in `live`, as the project's own task makes them."""
    known = alerts().table(project.folder)
    lines = ["groups:"]
    for name in names:
        # Tests run beside these: whoever burns a processor gets no whole one, and all wait for it.
        limits = {"cpu": 0.08} if name == "cpu-burn" else {"event-loop": 1.0}
        limits = {} if name == "event-loop-held" else limits
        busy = [each._replace(above=limits.get(each.id, each.above)) for each in known.alerts]
        table = known._replace(alerts=tuple(busy))
        page = "https://forge.example.com/runbook.md"
        lines += list(alerts().rules(table, name, "live", page))[1:]
    return faster("\n".join(lines) + "\n")


@pytest.fixture(scope="module", params=by_night(APIS, ["node"]))
def faulty(request: pytest.FixtureRequest, store: Store, tmp_path_factory: Any) -> Project:
    """A service with routes that do harm, of a project that pages people."""
    stack = request.param
    project = Project(
        stack,
        store.project(
            stack, "-d", "incidents=pagerduty", "-d", "database=supabase", name=f"{stack}-paged"
        ),
    )
    folder = tmp_path_factory.mktemp("faulty") / stack
    return extend(project, folder, FAULTS[stack], store)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as made:
        yield made


@pytest.fixture
def patients(faulty: Project, server: Postgres, tmp_path: Path) -> Iterator[dict[str, Patient]]:
    """One for each fault, and one that nothing happens to."""
    names = [*FAULTY, "well"]
    slugs = {name: name.lower().replace(" %", "").replace(" ", "-") for name in names}
    found = {name: Patient(faulty, slugs[name], tmp_path, server.url) for name in names}
    try:
        for each in found.values():
            each.begin()
        yield found
    finally:
        for each in found.values():
            each.end()


def test_somebody_is_told_of_each_fault_once_and_that_it_is_over(
    faulty: Project, patients: dict[str, Patient]
) -> None:
    names = [each.name for each in patients.values()]
    jobs = {each.name: each.scrape for each in patients.values()}
    rules = rules_of(faulty, names)
    known = {each.id: each for each in alerts().table(faulty.folder).alerts}
    with alerting(faulty.folder, jobs, rules) as watch:
        time.sleep(10)
        _settled(watch)
        assert watch.people.told == [], "all are well"
        began = time.monotonic()
        for name, fault in FAULTY.items():
            _plant(patients[name], fault)
        first = {
            name: watch.first(patients[name].name, over=False, since=began, seconds=SOON)
            for name in FAULTY
        }
        time.sleep(10)  # what else there is to say would have been said
        ended = time.monotonic()
        for name, fault in FAULTY.items():
            _mend(patients[name], fault)
        last = {
            name: watch.first(patients[name].name, over=True, since=ended, seconds=SOON)
            for name in FAULTY
        }
        time.sleep(5)
        told, wrong = watch.people.told, watch.people.wrong
    assert wrong == []
    assert {each.service for each in told} == {patients[name].name for name in FAULTY}
    for name, fault in FAULTY.items():
        _once(told, patients[name].name, known[fault.of(faulty.stack)])
        seconds = first[name].at - began, last[name].at - ended
        _shown(name, faulty.stack, known[fault.of(faulty.stack)], *seconds)


def _settled(watch: Alerting) -> None:
    """Wait until nothing is about to be told: that so many start at once takes its time."""
    end = time.monotonic() + SOON
    while watch.ask("ALERTS") and time.monotonic() < end:
        time.sleep(1)


def _plant(patient: Patient, fault: Fault) -> None:
    if fault.asks:
        patient.asks[fault.asks[0]] = fault.asks[1]
    if fault.at_once:
        patient.keep_busy(*fault.at_once)
    if fault.once:
        threading.Thread(target=patient.once, args=(fault.once,), daemon=True).start()
    patient.crashes = fault.does == "crashes"
    if fault.does == "ends":
        patient.stop()


def _mend(patient: Patient, fault: Fault) -> None:
    if fault.asks:
        del patient.asks[fault.asks[0]]
    patient.crashes, patient.busy = False, ""
    if fault.mends:
        patient.again()


def _once(told: list[Told], service: str, alert: Any) -> None:
    """Hold what was told of a service to one message to each who is to hear of it, and its end."""
    heard = [(each.whom, each.alert, each.over) for each in told if each.service == service]
    whom = ["PagerDuty", "Slack"] if alert.severity == "critical" else ["Slack"]
    assert sorted(heard) == sorted(
        (each, alert.id, over) for each in whom for over in (False, True)
    )


def _shown(fault: str, stack: str, alert: Any, paged: float, over: float) -> None:
    """Write what was just seen, in a team's time."""
    who = "Slack and PagerDuty" if alert.severity == "critical" else "Slack"
    minutes = f"{paged * FASTER / 60:.0f} and {over * FASTER / 60:.0f} min"
    shown(fault, stack, f"`{alert.id}` to {who}", minutes)
