"""PagerDuty: pages whoever is on call, by an event; one incident for an environment at a time."""

from __future__ import annotations

from .errors import otherwise
from .hook import Hook
from .platform import Context
from .reconcile import named

#: Characters of a summary, at most: https://developer.pagerduty.com/docs/send-alert-event
LIMIT = 1024
#: Where events go in the one region that is not the first.
REGIONS = {"eu": "https://events.eu.pagerduty.com/v2"}


def tell(at: Context, to: str, level: str, text: str, runbook: str) -> None:
    """Open its incident, add to it, or close it; made twice, a call does no more."""
    region = REGIONS.get(at.settings.get("PAGERDUTY_REGION"), "https://events.pagerduty.com/v2")
    events = Hook(at.settings.get("PAGERDUTY_EVENTS_URL", region), at.settings)
    name = named(at)
    body: dict[str, object] = {"routing_key": to, "event_action": "resolve", "dedup_key": name}
    if level != "resolved":
        summary = text if len(text) <= LIMIT else text[: LIMIT - 1] + "…"
        payload = {"summary": summary, "source": name, "severity": level, "component": at.project.name}
        body.update(event_action="trigger", payload=payload)
        if runbook:
            body["links"] = [{"href": runbook, "text": "Runbook"}]
    with otherwise("whoever is on call was not told"):
        events.call("POST", "/enqueue", lambda _: None, body, twice=True)
