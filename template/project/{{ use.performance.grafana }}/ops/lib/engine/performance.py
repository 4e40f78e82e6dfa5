"""Grafana: a folder for each environment with its dashboard and alerts, whom those tell, and deploys as annotations.

How it is called: https://grafana.com/docs/grafana/latest/developer-resources/api-reference/http-api/. The tree of
notification policies is everybody's and stays as it is: a rule names its contact point itself.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .alerts import RUNBOOK, Alert, Table, scope, seconds, table
from .api import Api, said
from .contacts import SEVERITIES, contacts
from .errors import Failure, Misuse
from .grafana import INTERVAL, ContactPoints, Dashboards, Folders, Groups
from .http import send
from .links import page
from .platform import ENVIRONMENTS, Context, Plan
from .reconcile import Wanted, named, reconcile

TITLE, KEY, ADDRESS = "Grafana", "GRAFANA_TOKEN", "GRAFANA_URL"
NEEDS, WHERE = (KEY,), ENVIRONMENTS
#: Which data source has the metrics, by its uid; without it, that of Grafana Cloud or the only Prometheus.
SOURCE, CLOUD = "GRAFANA_DATASOURCE", "grafanacloud-prom"
#: What draws deploys; that of ops/bootstrap does as well.
MARKS = "GRAFANA_DEPLOYS_TOKEN"
DASHBOARD = Path("monitoring/grafana/dashboard.json")
#: Seconds that an annotation may take.
MOMENT = 10
#: Seconds of metrics that a rule is handed; it says itself how far it looks back.
RANGE = 600
#: What people are told, in Grafana's templates.
HEAD = '{{ template "default.title" . }}'
TEXT = "{{ range .Alerts }}{{ .Annotations.summary }} <{{ .Annotations.runbook_url }}|Runbook>\n{{ end }}"


def check(at: Context) -> None:
    """Need an address where there is a token."""
    if at.settings.get(KEY):
        at.settings.need(ADDRESS, "where Grafana is, such as https://my-team.grafana.net")


def bootstrap(at: Context, plan: Plan) -> None:
    """Have the environment's folder, contact points, alerts and dashboard be as the files say."""
    api = Api(at.settings.get(ADDRESS).rstrip("/"), _headers(at.settings.get(KEY)), at.settings)
    source = at.settings.get(SOURCE) or _source(api)
    folder, points = uid(named(at)), list(receivers(at))
    reconcile(plan, Folders(api, folder), [Wanted(named(at), {"title": named(at)})])
    reconcile(plan, ContactPoints(api), points)
    reconcile(plan, Groups(api, folder, named(at)), [Wanted(named(at), group(at, table(), source, points))])
    reconcile(plan, Dashboards(api, folder), [Wanted(named(at), dashboard(at, source))])


def deployed(at: Context, commit: str) -> None:
    """Draw a deploy into the dashboard, where there is a token for it. It is tried once, and for a moment."""
    token = at.settings.get(MARKS) or at.settings.get(KEY)
    if not (token and at.settings.get(ADDRESS)):
        return
    mark = {"time": int(time.time() * 1000), "tags": ["deploy", named(at)], "text": f"{at.git.name(commit)} runs"}
    url = at.settings.get(ADDRESS).rstrip("/") + "/api/annotations"
    headers = {**_headers(token), "Content-Type": "application/json"}
    answer = send("POST", url, headers, json.dumps(mark).encode(), MOMENT)
    if not answer.good:
        raise Failure(f"{TITLE} was not told of the deploy: {said(answer)}")


def uid(name: str) -> str:
    """Give what identifies something there, which has at most 40 characters."""
    return name if len(name) <= 40 else f"{name[:31]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def receivers(at: Context) -> Iterator[Wanted]:
    """Give the ways by which alerts of each severity reach people."""
    for severity in SEVERITIES[:2]:
        to = contacts(at.settings, at.env, severity)
        if to.chat:
            settings = {"title": HEAD + _remark(to.chat), "text": TEXT}
            yield _receiver(at, severity, "slack", settings, {"url": to.chat})
        if to.pager:
            who = {"client": named(at), "client_url": at.url} if at.url else {"client": named(at)}
            settings = {"severity": severity, "summary": HEAD + _remark(to.pager), **who}
            yield _receiver(at, severity, "pagerduty", settings, {"integrationKey": to.pager})


def _receiver(at: Context, severity: str, kind: str, settings: dict[str, str], hidden: dict[str, str]) -> Wanted:
    name = named(at, severity)
    fields = {"name": name, "type": kind, "disableResolveMessage": False, "settings": settings}
    return Wanted(uid(f"{name}-{kind}"), fields, hidden)


def _remark(secret: str) -> str:
    """Give a remark that nobody is sent: Grafana shows no secret, and a new one has to be seen as a change."""
    return f"{{{{/* {hashlib.sha256(secret.encode()).hexdigest()[:8]} */}}}}"


def group(at: Context, known: Table, source: str, points: list[Wanted]) -> dict[str, Any]:
    """Give what is to hold of the rules of an environment: all of them, in the order of the table."""
    told = {point.fields["name"] for point in points}
    alerts = [alert for alert in known.of(at.env) if alert.signal.promql]
    rules = {alert.id: rule(at, known, alert, source, told) for alert in alerts}
    return {"interval": INTERVAL, "alerts": list(rules), "rules": rules}


def rule(at: Context, known: Table, alert: Alert, source: str, told: set[str]) -> dict[str, Any]:
    """Give the rule of an alert. What Prometheus' rule gives is looked at once more, so that the limit is seen."""
    limit = [{"type": "query", "evaluator": {"type": "gt", "params": [alert.above]}}]
    queries: dict[str, tuple[str, dict[str, Any]]] = {
        "A": (source, {"expr": known.promql(alert, scope(at.project.name, at.env)), "instant": True, "range": False}),
        "B": ("__expr__", {"type": "threshold", "expression": "A", "conditions": limit}),
    }
    made: dict[str, Any] = {
        "uid": uid(named(at, alert.id)),
        "title": alert.id,
        "ruleGroup": named(at),
        "folderUID": uid(named(at)),
        "condition": "B",
        "data": [
            {
                "refId": name,
                "datasourceUid": where,
                "relativeTimeRange": {"from": RANGE, "to": 0},
                "model": {"refId": name, **model},
            }
            for name, (where, model) in queries.items()
        ],
        "for": seconds(alert.held),
        # Prometheus' rules say nothing while all is well. Of metrics that cannot be read one alert is enough.
        "noDataState": "OK",
        "execErrState": "Alerting" if alert.signal.id == "silence" else "OK",
        "labels": {"severity": alert.severity, "service": at.project.name, "environment": at.env},
        "annotations": {"summary": alert.summary, "runbook_url": page(at, f"{RUNBOOK.as_posix()}#{alert.id}")},
        "isPaused": False,
    }
    receiver = named(at, alert.severity)
    return {**made, "notification_settings": {"receiver": receiver}} if receiver in told else made


def dashboard(at: Context, source: str) -> dict[str, Any]:
    """Give the dashboard as it is in the repository, of one environment and its metrics."""
    try:
        it: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Misuse(f"{DASHBOARD} is no dashboard: {error}") from None
    chosen = {"datasource": source, "environment": at.env}
    for variable in it.get("templating", {}).get("list", ()):
        if variable.get("name") in chosen:
            value = chosen[variable["name"]]
            variable["current"] = {"text": value, "value": value}
    return {**it, "uid": uid(named(at)), "title": named(at), "folderUid": uid(named(at))}


def _source(api: Api) -> str:
    """Find where the metrics are."""
    read = lambda them: {it["uid"]: it["name"] for it in them if it["type"] == "prometheus"}  # noqa: E731
    known: dict[str, str] = api.ask("/api/datasources", read)
    if CLOUD in known:
        return CLOUD
    if len(known) == 1:
        return next(iter(known))
    those = f"these are Prometheus': {', '.join(sorted(known))}" if known else "none is Prometheus'"
    raise Failure(f"nobody says which data source of {TITLE} has the metrics: {those}; {SOURCE} may, by its uid")


def _headers(token: str) -> dict[str, str]:
    # What the tasks make may be looked at and silenced by hand, too.
    return {"Authorization": f"Bearer {token}", "X-Disable-Provenance": "true"}
