"""Pingdom: one check that asks from outside whether the service is up. Whom it tells is set up there, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from .api import Api
from .contacts import ASKED_AFTER
from .errors import Failure
from .platform import Context, Plan
from .reconcile import Found, Wanted, named, reconcile

TITLE, TOKEN, TOLD = "Pingdom", "PINGDOM_API_TOKEN", "PINGDOM_INTEGRATION_IDS"
NEEDS, WHERE = (TOKEN,), ASKED_AFTER
#: Minutes from one look to the next.
RESOLUTION = 5
#: Days before a certificate ends, from which on it counts as an outage: it knows no mere reminder.
CERTIFICATE = 7


def check(at: Context) -> None:
    """Need nothing; say who is not asked after."""
    if at.env not in WHERE:
        at.console.say(f"{TITLE} does not ask after {at.env}, which may sleep")


def bootstrap(at: Context, plan: Plan) -> None:
    """Have the environment asked after."""
    if not at.url:
        raise Failure(f"nobody says where {at.env} answers; SERVICE_URL may")
    told = people(at)
    if not told:
        at.console.say(f"{TITLE} tells nobody as yet: its API makes no integrations. Add some for Slack and PagerDuty,")
        at.console.say(f"at https://my.pingdom.com/app/integrations, and set {TOLD} to their numbers, with commas")
    reconcile(plan, Checks(at), [Wanted(named(at), {**probe(at.url), **({"integrationids": told} if told else {})})])


def people(at: Context) -> list[int]:
    """Give the numbers of the integrations that are told."""
    text = at.settings.get(TOLD)
    with suppress(ValueError):
        return sorted(int(each) for each in text.split(",")) if text else []
    raise Failure(f"{TOLD} is to be numbers with commas between them, not '{text}'")


def probe(url: str) -> dict[str, Any]:
    """Give what is to hold of the check of an address."""
    parts = urlsplit(url)
    safe = parts.scheme == "https"
    return {
        "host": parts.hostname,
        "url": f"{parts.path}/healthz",
        "encryption": safe,
        "port": parts.port or (443 if safe else 80),
        "resolution": RESOLUTION,
        "verify_certificate": safe,
        "ssl_down_days_before": CERTIFICATE if safe else 0,
    }


class Checks:
    """What Pingdom asks after."""

    kind = "the check"

    def __init__(self, at: Context) -> None:
        address = at.settings.get("PINGDOM_API_URL", "https://api.pingdom.com/api/3.1")
        self._api = Api(address, {"Authorization": f"Bearer {at.settings.get(TOKEN)}"}, at.settings)
        self._name = named(at)

    def found(self) -> Sequence[Found]:
        """Give ours, if it is there: the list of all says less of each."""
        ids = self._api.ask("/checks", lambda said: [it["id"] for it in said["checks"] if it["name"] == self._name])
        return [Found(str(each), self._name, self._read(each)) for each in ids]

    def create(self, wanted: Wanted) -> None:
        """Have one more."""
        self._api.call("POST", "/checks", lambda _: None, {"name": wanted.name, "type": "http", **wanted.fields})

    def change(self, found: Found, wanted: Wanted) -> None:
        """Have one be as it should."""
        self._api.call("PUT", f"/checks/{found.id}", lambda _: None, dict(wanted.fields), twice=True)

    def _read(self, known: int) -> dict[str, Any]:
        it = self._api.ask(f"/checks/{known}", lambda said: dict(said["check"]))
        told = sorted(it.get("integrationids") or [])
        return {**it, **it["type"]["http"], "host": it["hostname"], "integrationids": told}
