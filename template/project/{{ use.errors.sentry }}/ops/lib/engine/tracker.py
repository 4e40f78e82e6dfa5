"""Sentry: who is told of an error that is new, and which release runs since when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .api import Api
from .errors import Failure
from .http import send
from .platform import ENVIRONMENTS, Context, Plan
from .reconcile import Found, Wanted, named, reconcile

TITLE, TOKEN, ORGANISATION = "Sentry", "SENTRY_AUTH_TOKEN", "SENTRY_ORG"
NEEDS, WHERE = (TOKEN, ORGANISATION), ENVIRONMENTS
#: Minutes from one mail of the same error to the next.
FREQUENCY = 30
#: What Sentry says of a part of a rule beside what it was told.
BESIDE = ("name", "uuid")


def check(at: Context) -> None:
    """Need nothing."""


def bootstrap(at: Context, plan: Plan) -> None:
    """Have people told of new errors."""
    reconcile(plan, Rules(at), [Wanted(named(at), rule(at.env))])


def deployed(at: Context, commit: str) -> None:
    """Have it known which release an environment runs, if there is a token: errors are of one."""
    if not all(map(at.settings.get, NEEDS)):
        return
    api, path = opened(at), f"/organizations/{at.settings.get(ORGANISATION)}/releases/"
    version = f"{at.project.name}@{running(at.url)}"
    release = {"version": version, "projects": [project(at)], "ref": commit}
    # One that is known is answered alike.
    api.call("POST", path, lambda _: None, release, twice=True)
    deploy = {"environment": at.env, "name": commit[:12], "url": at.url}
    api.call("POST", f"{path}{version}/deploys/", lambda _: None, deploy)


def rule(env: str) -> dict[str, Any]:
    """Give what is to hold of the rule of an environment, whose errors have it as a tag.

    Sentry's own field for it takes only one that it has had errors of.
    """
    return {
        "actionMatch": "any",
        "conditions": [
            {"id": "sentry.rules.conditions.first_seen_event.FirstSeenEventCondition"},
            {"id": "sentry.rules.conditions.regression_event.RegressionEventCondition"},
        ],
        "filterMatch": "all",
        "filters": [
            {
                "id": "sentry.rules.filters.tagged_event.TaggedEventFilter",
                "key": "environment",
                "match": "eq",
                "value": env,
            },
        ],
        "actions": [
            {
                "id": "sentry.mail.actions.NotifyEmailAction",
                "targetType": "IssueOwners",
                "fallthroughType": "ActiveMembers",
            },
        ],
        "frequency": FREQUENCY,
    }


def opened(at: Context) -> Api:
    """Give its API; organisations of the European Union have one of their own."""
    address = at.settings.get("SENTRY_URL", "https://sentry.io").rstrip("/")
    return Api(f"{address}/api/0", {"Authorization": f"Bearer {at.settings.get(TOKEN)}"}, at.settings)


def project(at: Context) -> str:
    """Give the project whose DSN the service has."""
    return at.settings.get("SENTRY_PROJECT", at.project.name)


def running(url: str) -> str:
    """Ask a service which version it is; what it says is what its errors say."""
    answer = send("GET", f"{url}/healthz", {"Accept": "*/*", "User-Agent": "ops"}, timeout=10)
    try:
        return str(json.loads(answer.body)["version"])
    except (ValueError, LookupError, TypeError):
        raise Failure(f"{url}/healthz does not say which version it is") from None


class Rules:
    """Whom Sentry tells of a project's errors: what it calls an issue alert."""

    kind = "the alert"

    def __init__(self, at: Context) -> None:
        self._api = opened(at)
        self._path = f"/projects/{at.settings.get(ORGANISATION)}/{project(at)}/rules/"

    def found(self) -> list[Found]:
        """Give all of the project."""
        read = lambda said: [Found(str(it["id"]), str(it["name"]), _told(it)) for it in said]  # noqa: E731
        return self._api.ask(self._path, read)

    def create(self, wanted: Wanted) -> None:
        """Have one more."""
        self._api.call("POST", self._path, lambda _: None, {"name": wanted.name, **wanted.fields})

    def change(self, found: Found, wanted: Wanted) -> None:
        """Have one be as it should; Sentry takes only a whole one."""
        whole = {"name": wanted.name, **wanted.fields}
        self._api.call("PUT", f"{self._path}{found.id}/", lambda _: None, whole, twice=True)


def _told(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Give a rule as it was told; of a project's it says more."""
    parts = {
        name: [{key: value for key, value in part.items() if key not in BESIDE} for part in rule.get(name) or []]
        for name in ("conditions", "filters", "actions")
    }
    return {**rule, **parts}
