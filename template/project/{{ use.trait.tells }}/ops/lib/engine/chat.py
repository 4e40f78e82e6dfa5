"""Slack: the dev channel, by an incoming webhook. Its address is the secret, so no message has it."""

from __future__ import annotations

import re

from .calls import CallFailed
from .errors import Failure
from .hook import Hook
from .platform import Context

MARKS = {
    "critical": ":rotating_light:",
    "warning": ":warning:",
    "info": ":information_source:",
    "resolved": ":white_check_mark:",
}
#: Characters of a message; Slack advises against more, and cuts off after 40,000.
LIMIT = 4000


def tell(at: Context, to: str, level: str, text: str, runbook: str) -> None:
    """Post it, once: of what may have arrived nobody wants two."""
    if not to.startswith(("https://", "http://")):
        raise Failure("the dev channel was not told: SLACK_WEBHOOK_URL is no address that begins with https://")
    message = f"{MARKS[level]} *{at.project.name} {at.env}*, {level}: "
    end = f"\n<{runbook}|Runbook>" if runbook else ""
    body = {"text": message + escaped(text, LIMIT - len(message + end)) + end}
    try:
        Hook(to, at.settings).call("POST", "", lambda _: None, body)
    except CallFailed as error:
        # Its words have the address.
        raise Failure(_why(error)) from None


def escaped(text: str, limit: int) -> str:
    """Give text that Slack shows as it is, cut to a length: it reads `<` and `&`, and calls whom `<!channel>` names."""
    made = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # None of these is cut in two.
    return made if len(made) <= limit else re.sub(r"&[a-z]*$", "", made[: limit - 1]) + "…"


def _why(error: CallFailed) -> str:
    answer = error.answer
    if answer.status:
        words = re.sub(r"[^ -~]+", " ", answer.body.decode("utf-8", "replace"))[:60].strip()
        return f"the dev channel was not told; Slack says {answer.status} {words}".rstrip()
    known = "was not told" if error.certainly_not_run else "may have been told or not"
    return f"the dev channel {known}: {answer.error}"
