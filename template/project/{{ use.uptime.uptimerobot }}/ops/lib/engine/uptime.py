"""UptimeRobot: what asks from outside whether the service is up, what waits for backups and drills, and who is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .api import Api
from .calls import CallFailed
from .contacts import ASKED_AFTER, contacts
from .errors import Failure
from .links import runbook
from .platform import Context, Plan
from .reconcile import Found, Wanted, named, reconcile

TITLE, KEY = "UptimeRobot", "UPTIMEROBOT_API_KEY"
NEEDS, WHERE = (KEY,), ASKED_AFTER
#: Seconds from one look to the next: the shortest of plans without a price.
INTERVAL = 300
#: Seconds that an answer may take.
TIMEOUT = 30
#: Days before a certificate ends, on which people are reminded.
REMINDED = [14, 7, 1]
#: Seconds that what a clock starts may be late, and take.
GRACE = 10800
#: Where heartbeats are called, should it give only the rest.
HEARTBEATS = "https://heartbeat.uptimerobot.com/"
#: How it says that a plan does not have something, or a value of it.
NOT_IN_PLAN = (400, 402, 403, 422)


def check(at: Context) -> None:
    """Need nothing; say who is not asked after."""
    if at.env not in WHERE:
        at.console.say(f"{TITLE} does not ask after {at.env}, which may sleep")


def bootstrap(at: Context, plan: Plan) -> None:
    """Have the environment asked after."""
    if not at.url:
        raise Failure(f"nobody says where {at.env} answers; SERVICE_URL may")
    account = Account(at)
    told = people(at)
    reconcile(plan, Integrations(account), told)
    tells = {"tells": sorted(each.name for each in told)}
    monitors = Monitors(account)
    reconcile(plan, monitors, [Wanted(named(at), {**probe(at.url), **tells})])
    _wait(at, plan, monitors, tells)


def _wait(at: Context, plan: Plan, monitors: Monitors, tells: dict[str, Any]) -> None:
    """Have it wait for each thing that a clock starts there."""
    waited = {named(at, it["id"]): it for it in at.project.schedules if it["environment"] == at.env}
    if not waited:
        return
    try:
        wanted = [Wanted(name, {**heartbeat(it["seconds"]), **tells}) for name, it in waited.items()]
        reconcile(plan, monitors, wanted)
    except CallFailed as error:
        if error.status not in NOT_IN_PLAN:
            raise
        at.console.confess(error)
        at.console.say("plans without a price have no heartbeats: nobody is told of what was missed")
        return
    urls = {each.name: each.fields["url"] for each in monitors.found()}
    for name, it in waited.items():
        setting, url = f"{it['id'].upper()}_HEARTBEAT_URL", urls.get(name, "")
        called = url if url.startswith("https://") else HEARTBEATS + url
        if url and at.settings.get(setting) != called:
            plan.keep(setting, called)


def people(at: Context) -> list[Wanted]:
    """Give who is told when it is down, by integrations of ours; when it is up again, they are told, too."""
    to = contacts(at.settings, at.env, "critical")
    always = {"enableNotificationsFor": "UpAndDown"}
    region = at.settings.get("PAGERDUTY_REGION", "us")
    # What it adds to each message, and wants in any case.
    added = runbook(at) or named(at)
    chat = {"type": "Slack", "webhookURL": to.chat, "customValue": added, "sslExpirationReminder": True}
    # That a certificate ends in two weeks is a warning, for which nobody is paged.
    key = {"integrationKey": to.pager, "location": region}
    pager = {"type": "Pagerduty", **key, "autoResolve": True, "sslExpirationReminder": False}
    both = ((to.chat, "slack", chat), (to.pager, "pagerduty", pager))
    return [Wanted(named(at, name), {}, {**always, **what}) for whom, name, what in both if whom]


def probe(url: str) -> dict[str, Any]:
    """Give what is to hold of the monitor of an address. By itself it would ask by HEAD, and mind no certificate."""
    return {
        "type": "HTTP",
        "url": f"{url}/healthz",
        "httpMethodType": "GET",
        "interval": INTERVAL,
        "timeout": TIMEOUT,
        "checkSSLErrors": True,
        "sslExpirationReminder": True,
        "config": {"sslExpirationPeriodDays": REMINDED},
    }


def heartbeat(seconds: int) -> dict[str, Any]:
    """Give what is to hold of a monitor that waits to be called."""
    return {"type": "HEARTBEAT", "interval": seconds, "gracePeriod": GRACE}


class Account(Api):
    """What the key may see and change."""

    def __init__(self, at: Context) -> None:
        address = at.settings.get("UPTIMEROBOT_API_URL", "https://api.uptimerobot.com/v3")
        super().__init__(address, {"Authorization": f"Bearer {at.settings.get(KEY)}"}, at.settings)
        self.name = named(at)
        self._ours: dict[int, str] | None = None

    def all(self, where: str) -> list[dict[str, Any]]:
        """Give all that there are, page after page: each says where the next begins."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page, following = self.ask(where + cursor, lambda said: (said["data"], said["nextLink"] or ""))
            found += page
            after = following.partition("cursor=")[2].partition("&")[0]
            if not after or not page:
                return found
            cursor = f"{'&' if '?' in where else '?'}cursor={after}"

    def integrations(self) -> dict[int, str]:
        """Give the names of those that are ours, by their ids; asked once, as few calls are free."""
        if self._ours is None:
            named_so = {it["id"]: it["friendlyName"] or "" for it in self.all("/integrations")}
            self._ours = {number: it for number, it in named_so.items() if it.startswith(f"{self.name}-")}
        return self._ours


class Integrations:
    """Who is told. What is secret of one it may answer with, whole or in part."""

    kind = "the integration"

    def __init__(self, account: Account) -> None:
        self._account = account

    def found(self) -> Sequence[Found]:
        """Give all that have a name."""
        return [
            Found(str(it["id"]), it["friendlyName"], self._shown(it["value"] or ""))
            for it in self._account.all("/integrations")
            if it["friendlyName"]
        ]

    @staticmethod
    def _shown(value: str) -> dict[str, str]:
        """Give what can be compared: a part of a value cannot."""
        if "*" in value or "…" in value or "..." in value:
            return {}
        if value.startswith("https://"):
            return {"webhookURL": value}
        return {"integrationKey": value} if len(value) == 32 else {}

    def create(self, wanted: Wanted) -> None:
        """Have one more."""
        self._account.call("POST", "/integrations", lambda _: None, self._said(wanted))

    def change(self, found: Found, wanted: Wanted) -> None:
        """Have one be as it should."""
        self._account.call("PATCH", f"/integrations/{found.id}", lambda _: None, self._said(wanted), twice=True)

    @staticmethod
    def _said(wanted: Wanted) -> dict[str, Any]:
        data = {name: value for name, value in wanted.hidden.items() if name != "type"}
        return {"type": wanted.hidden["type"], "data": {"friendlyName": wanted.name, **data}}


class Monitors:
    """What it asks after, or waits for. Whom one `tells` are names here, and ids there, beside which others stay."""

    kind = "the monitor"

    def __init__(self, account: Account) -> None:
        self._account = account

    def found(self) -> Sequence[Found]:
        """Give those whose names have ours in them."""
        ours = self._account.integrations()
        return [
            Found(str(it["id"]), it["friendlyName"], {**it, "tells": self._names(it, ours)})
            for it in self._account.all(f"/monitors?limit=200&name={self._account.name}")
        ]

    def create(self, wanted: Wanted) -> None:
        """Have one more."""
        body = {"friendlyName": wanted.name, **self._said(wanted, [])}
        self._account.call("POST", "/monitors", lambda _: None, body)

    def change(self, found: Found, wanted: Wanted) -> None:
        """Have one be as it should."""
        body = self._said(wanted, found.fields["assignedAlertContacts"])
        self._account.call("PATCH", f"/monitors/{found.id}", lambda _: None, body, twice=True)

    @staticmethod
    def _names(it: dict[str, Any], ours: dict[int, str]) -> list[str]:
        ids = [each["alertContactId"] for each in it["assignedAlertContacts"]]
        return sorted(ours[each] for each in ids if each in ours)

    def _said(self, wanted: Wanted, assigned: Sequence[dict[str, Any]]) -> dict[str, Any]:
        ours = self._account.integrations()
        stay = [each for each in assigned if ours.get(each["alertContactId"]) in {None, *wanted.fields["tells"]}]
        known = {each["alertContactId"] for each in stay}
        more = [
            {"alertContactId": number, "threshold": 0, "recurrence": 0}
            for number, name in ours.items()
            if name in wanted.fields["tells"] and number not in known
        ]
        fields = {name: value for name, value in wanted.fields.items() if name != "tells"}
        return {**fields, "assignedAlertContacts": [*stay, *more]}
