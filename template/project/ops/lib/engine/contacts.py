"""Who hears of what: the one place that says which severity goes where."""

from __future__ import annotations

from typing import NamedTuple

from .variables import Settings

#: How bad something is; `resolved` is the end of what was.
SEVERITIES = ("critical", "warning", "info", "resolved")
#: Of an environment: where its incidents go. Without a value nobody is told there.
CHAT, PAGER = "SLACK_WEBHOOK_URL", "PAGERDUTY_ROUTING_KEY"
#: Where anybody is paged; and whose outages are news: a sandbox sleeps on some hosts.
PAGED, ASKED_AFTER = "live", ("testbed", "live")


class Contacts(NamedTuple):
    """Where news of one severity goes; the empty string is nowhere.

    Args:
        chat: The address of the dev channel's webhook, which is a secret.
        pager: The key by which whoever is on call is paged, which is one, too.
    """

    chat: str
    pager: str


def paged(env: str, severity: str) -> bool:
    """Say whether anybody is paged: the end of something critical goes where its beginning went."""
    return env == PAGED and severity in ("critical", "resolved")


def contacts(settings: Settings, env: str, severity: str) -> Contacts:
    """Give who hears of it: the dev channel of everything, whoever is on call of what is critical in `live`."""
    return Contacts(settings.get(CHAT), settings.get(PAGER) if paged(env, severity) else "")
