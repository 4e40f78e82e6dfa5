"""The table of alerts, `monitoring/alerts.json`, and the rules that Prometheus and its like make of it.

What is measured, and how each evaluator says it, is in `monitoring/signals.json`; what is too much, for how long and
how bad that is, in the table, which is the team's.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .contacts import SEVERITIES
from .errors import Failure, Misuse
from .platform import ENVIRONMENTS
from .tasks import Call, Usage

USAGE = Usage(1, 1, "name an environment")
TABLE, SIGNALS, RUNBOOK = Path("monitoring/alerts.json"), Path("monitoring/signals.json"), Path("monitoring/runbook.md")
DURATION = re.compile("[1-9][0-9]*[smhd]")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
KEYS = {"id", "signal", "above", "for", "severity", "environments", "summary", "unless"}
EVERYWHERE = ("local", *ENVIRONMENTS)


class Signal(NamedTuple):
    """Something that is measured, as one number.

    Args:
        id: What the table calls it.
        about: What it is, in words.
        unit: Of the number: s, B, ratio, or what is counted.
        promql, nrql: How Prometheus and New Relic are asked for it, `$scope` being which series are the service's;
            empty for what only somebody outside can tell.
        window: What New Relic looks back on at a time, which its queries do not say themselves.
    """

    id: str
    about: str
    unit: str
    promql: str
    nrql: str
    window: str = "1m"


class Alert(NamedTuple):
    """One row of the table.

    Args:
        above: From where on the signal is too much; not at it.
        held: For how long, such as 5m, before anybody is told.
        environments: Where it counts.
        unless: Alerts that say more than this one: while one of them holds, this says nothing.
    """

    id: str
    signal: Signal
    above: float
    held: str
    severity: str
    environments: tuple[str, ...]
    summary: str
    unless: tuple[str, ...] = ()


class Table(NamedTuple):
    """All of it.

    Args:
        objective: The part of all requests that is to be answered without a fault of ours, such as 0.999.
    """

    objective: float
    alerts: tuple[Alert, ...]

    def of(self, env: str) -> tuple[Alert, ...]:
        """Give the alerts of an environment."""
        return tuple(alert for alert in self.alerts if env in alert.environments)

    def promql(self, alert: Alert, scope: str) -> str:
        """Give the condition of an alert, as Prometheus and Grafana read it."""
        causes = [each for each in self.alerts if each.id in alert.unless and each.signal.promql]
        return " unless on() ".join([self.above(alert, scope), *(f"({self.above(each, scope)})" for each in causes)])

    def above(self, alert: Alert, scope: str) -> str:
        """Give the same, whatever else is wrong."""
        return f"{self.said(alert.signal.promql, scope)} > {alert.above:g}"

    def said(self, text: str, scope: str) -> str:
        """Give a signal's expression for some series, with the objective in it."""
        return text.replace("$scope", scope).replace("$budget", f"{1 - self.objective:g}")


def table(folder: Path = Path()) -> Table:
    """Read both files.

    Raises:
        Misuse: They are not as described; says where, and what is to be there.
    """
    signals = {name: Signal(name, **it) for name, it in _read(folder / SIGNALS).items()}
    told = _read(folder / TABLE)
    objective = told.get("objective")
    if not isinstance(objective, float) or not 0 < objective < 1:
        raise Misuse(f"{TABLE}: objective is to be a part of one, such as 0.999")
    rows, sections = told.get("alerts", []), _sections(folder / RUNBOOK)
    ids = [str(row.get("id")) for row in rows]
    for row in rows:
        wrong = "".join(_faults(row, ids, signals, sections))
        if wrong:
            raise Misuse(f"{TABLE}: {row.get('id', 'an alert without id')}: {wrong}")
    return Table(objective, tuple(_alert(row, signals) for row in rows))


def seconds(held: str) -> int:
    """Read a time such as 5m, or 1m30s as Grafana has it."""
    return sum(int(number) * SECONDS[unit] for number, unit in re.findall("([0-9]+)([smhdw])", held))


def scope(name: str, env: str) -> str:
    """Give which series are those of the service in an environment, as a part of PromQL's selectors."""
    return f'job="{name}",deployment_environment_name="{env}"'


def rules(known: Table, name: str, env: str, runbooks: str) -> Iterator[str]:
    """Write Prometheus' rules of an environment, line by line; every text is quoted as JSON quotes it."""
    yield from ("groups:", f"  - name: {json.dumps(f'{name}-{env}')}", "    rules:")
    for alert in known.of(env):
        if not alert.signal.promql:
            continue
        labels = {"severity": alert.severity, "service": name, "environment": env}
        told = {"summary": alert.summary, "runbook_url": f"{runbooks}#{alert.id}"}
        yield f"      - alert: {alert.id}"
        yield f"        expr: {json.dumps(known.promql(alert, scope(name, env)))}"
        yield f"        for: {alert.held}"
        for what, of in (("labels", labels), ("annotations", told)):
            yield from (f"        {what}:", *(f"          {key}: {json.dumps(value)}" for key, value in of.items()))


def task(call: Call) -> None:
    """Print the rules of an environment, which the table says."""
    [env] = call.names
    if env not in EVERYWHERE:
        raise Misuse(f"no environment '{env}': {', '.join(EVERYWHERE[:-1])} or {EVERYWHERE[-1]}")
    name = str(_read(Path("ops/project.json"))["name"])
    sys.stdout.write("\n".join(rules(table(), name, env, str(RUNBOOK))) + "\n")


def _alert(row: Mapping[str, Any], signals: Mapping[str, Signal]) -> Alert:
    where = tuple(row.get("environments", EVERYWHERE))
    what = (float(row["above"]), row["for"], row["severity"], where, row["summary"], tuple(row.get("unless", ())))
    return Alert(row["id"], signals[row["signal"]], *what)


def _faults(
    row: Mapping[str, Any], ids: Sequence[str], signals: Mapping[str, Signal], known: set[str]
) -> Iterator[str]:
    """Say what is wrong with a row, the first thing first."""
    missing, further = sorted(KEYS - {"environments", "unless"} - set(row)), sorted(set(row) - KEYS)
    if missing or further:
        yield f"it lacks {', '.join(missing)}" if missing else f"there is no {further[0]}"
        return
    checks = {
        "its id is to be words with hyphens between them, once in the table": (
            bool(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", row["id"])) and ids.count(row["id"]) == 1
        ),
        f"there is no signal {row['signal']}; {SIGNALS} has those that there are": row["signal"] in signals,
        "above is to be a number": isinstance(row["above"], (int, float)) and not isinstance(row["above"], bool),
        "for is to be a time such as 5m": bool(DURATION.fullmatch(str(row["for"]))),
        f"severity is to be {SEVERITIES[0]} or {SEVERITIES[1]}": row["severity"] in SEVERITIES[:2],
        f"environments are to be of {', '.join(EVERYWHERE)}": set(row.get("environments", ())) <= set(EVERYWHERE),
        "unless is to name other alerts": set(row.get("unless", ())) <= set(ids) - {row["id"]},
        f"{RUNBOOK} is to have a section '## {row['id']}' on it": row["id"] in known,
    }
    yield from [what for what, well in checks.items() if not well][:1]


def _sections(file: Path) -> set[str]:
    try:
        return set(re.findall("^## (.*)$", file.read_text("utf-8"), re.MULTILINE))
    except OSError as error:
        raise Failure(f"{file}: {error.strerror}") from None


def _read(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text("utf-8")))
    except OSError as error:
        raise Failure(f"{file}: {error.strerror}") from None
    except (ValueError, TypeError) as error:
        raise Misuse(f"{file} is no JSON: {error}") from None
