"""A call to those who are told: short, as a deploy waits for it, and nothing of its answer is read."""

from __future__ import annotations

from .api import Api
from .http import Answer
from .variables import Settings

#: Seconds that one call may take, and that the waiting between tries may.
TIMEOUT, PATIENCE = 10, 60


class Hook(Api):
    """Takes news at an address."""

    def __init__(self, address: str, settings: Settings) -> None:
        super().__init__(address, {}, settings)
        self._timeout, self._patience = min(self._timeout, TIMEOUT), min(self._patience, PATIENCE)

    def _judged(self, answer: Answer) -> Answer:
        # Slack's "ok" is no JSON.
        return answer._replace(body=b"") if answer.good else answer
