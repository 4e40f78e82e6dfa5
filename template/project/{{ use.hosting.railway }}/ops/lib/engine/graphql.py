"""Railway's API: GraphQL at one address. What is wrong with a call stands in an answer of status 200, too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from .api import Api, said
from .calls import CallFailed
from .http import Answer
from .platform import Context

T = TypeVar("T")

#: What Railway says of a call, and the status by which others say so. Of anything else it says why it was not done.
STATUSES = {
    "not authorized": 403,
    "two factor authentication required": 403,
    "rate limit": 429,
    "ratelimit": 429,
    "too many requests": 429,
    # What went wrong, and when, stays with Railway.
    "problem processing request": 500,
    "internal server error": 500,
    "timed out": 500,
}
REFUSED = 422


def judged(answer: Answer) -> Answer:
    """Give an answer that tells errors the status that says what became of its call."""
    try:
        errors = (json.loads(answer.body).get("errors") if answer.good else None) or []
        words = "; ".join(str(each.get("message") or "no reason given") for each in errors)
    except (ValueError, AttributeError, TypeError):
        return answer  # None that is as described; who reads it says so.
    if not errors:
        return answer
    words = " ".join(words.split())[:200]
    status = next((status for part, status in STATUSES.items() if part in words.lower()), REFUSED)
    return answer._replace(status=status, error=words)


class OperationFailed(CallFailed):
    """An operation that did not do what it should, by its name: there is one address for all."""

    def __init__(self, operation: str, answer: Answer) -> None:
        super().__init__(operation, answer, said(answer))
        if answer.arrived and self.certainly_not_run:
            self.args = (f"Railway refused {operation}: {said(answer)}",)


class Judging(Api):
    """Reads what is meant."""

    def _judged(self, answer: Answer) -> Answer:
        return judged(answer)


class GraphQL:
    """The API, for whoever the task works as: a token of the workspace, or one of an environment."""

    def __init__(self, at: Context) -> None:
        address = at.settings.get("RAILWAY_API_URL", "https://backboard.railway.com/graphql/v2")
        identity = {"Project-Access-Token": at.settings.get("RAILWAY_TOKEN")}
        if at.task == "bootstrap":
            identity = {"Authorization": f"Bearer {at.settings.get('RAILWAY_API_TOKEN')}"}
        self._api = Judging(address, identity, at.settings)

    def ask(self, document: str, read: Callable[[Any], T], /, **variables: object) -> T:
        """Do what may be done twice; `read` takes what is wanted from what the operation gives."""
        return self.change(document, read, True, **variables)

    def change(self, document: str, read: Callable[[Any], T], twice: bool = False, /, **variables: object) -> T:
        """Do what must not be done twice, or may be."""
        operation = re.findall(r"\w+", document)[1]
        body = {"query": document, "variables": variables}
        try:
            return self._api.call("POST", "", lambda it: read(it["data"][operation]), body, twice=twice)
        except CallFailed as error:
            if error.answer.good:
                raise
            raise OperationFailed(operation, error.answer) from None
