"""A platform's API: how it is called, and what may be done about a call that failed."""

from __future__ import annotations

import email.utils
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import reduce
from operator import getitem
from typing import Any, TypeVar

from .calls import DENIED, CallFailed, certainly_not_run
from .errors import NothingChanged
from .http import Answer, send
from .variables import Settings

T = TypeVar("T")

#: Where vendors say what went wrong.
WORDS = (
    ("message",), ("messages", 0), ("detail",), ("error", "message"), ("error",), ("errors", 0, "message"), ("id",),
)  # fmt: skip


def passing(answer: Answer) -> bool:
    """Say whether the same call may do better the next time."""
    return answer.status in (None, 408, 425, 429) or (answer.status or 0) >= 500


def said(answer: Answer) -> str:
    """Give what went wrong, in one line: the vendor's own words if there are any."""
    words = answer.error or f"{answer.status} {_words(answer.body)}".strip()
    return f"{words}: the token is wrong, has expired or may not do this" if answer.status in DENIED else words


def _words(body: bytes) -> str:
    for path in WORDS:
        with suppress(ValueError, LookupError, TypeError):
            found = reduce(getitem, path, json.loads(body))
            if isinstance(found, str):
                return " ".join(found.split())[:200]
    return ""


def _seconds(after: str) -> float:
    """Read so many seconds, which may be since 1970, or a date; 0 if it is neither."""
    try:
        number = float(after) if after.strip().isdigit() else email.utils.parsedate_to_datetime(after).timestamp()
    except (TypeError, ValueError):
        return 0
    return max(0.0, number - time.time()) if number > 1e9 else number


class Api:
    """A platform's API, and who calls it."""

    def __init__(self, address: str, headers: Mapping[str, str], settings: Settings) -> None:
        self._address = address
        self._headers = {"Accept": "application/json", "User-Agent": "ops", **headers}
        self._timeout = settings.seconds("HTTP_TIMEOUT", 60)
        self._delay = settings.seconds("RETRY_DELAY", 1)
        self._patience = settings.seconds("RETRY_TIMEOUT", 300)

    def ask(self, path: str, read: Callable[[Any], T]) -> T:
        """Ask for something; `read` takes what is wanted from the answer."""
        return self.call("GET", path, read, twice=True)

    def call(self, method: str, path: str, read: Callable[[Any], T], body: object = None, *, twice: bool = False) -> T:
        """Make a call, and give what `read` takes from the answer.

        What does no more when it is made `twice` is made again after any failure that may pass; anything else only
        if it certainly did not run: it never arrived, or was turned away at the door.
        """
        url = self._address + path
        name = f"{method} {url.partition('?')[0]}"
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/octet-stream" if body is sent else "application/json"
        headers = self._headers if sent is None else {**self._headers, "Content-Type": kind}
        # A file takes longer than words do.
        timeout = self._timeout * (5 if sent and sent is body else 1)
        answer = self._tried(lambda: self._judged(send(method, url, headers, sent, timeout)), twice=twice)
        if not answer.good:
            raise CallFailed(name, answer, said(answer))
        try:
            return read(json.loads(answer.body) if answer.body else None)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise CallFailed(name, answer, f"its answer is not as described ({error!r})") from error

    def _judged(self, answer: Answer) -> Answer:
        """Give an answer the status that is meant, should that be another."""
        return answer

    def _tried(self, once: Callable[[], Answer], *, twice: bool) -> Answer:
        waited, doubted = 0.0, False
        for attempt in range(4):
            answer = once()._replace(doubted=doubted)
            doubted = doubted or not certainly_not_run(answer)
            again = passing(answer) and (twice or certainly_not_run(answer))
            # Chance keeps many callers from coming back at once.
            pause = _seconds(answer.after) if self._delay else 0
            pause = (pause or self._delay * 2**attempt) + self._delay * random.random()
            if attempt == 3 or not again or waited + pause > self._patience:
                break
            time.sleep(pause)
            waited += pause
        return answer


@contextmanager
def changing() -> Iterator[None]:
    """Say that nothing was changed of a first change that nobody can have carried out, at any of its tries."""
    try:
        yield
    except CallFailed as error:
        if error.certainly_not_run and not error.answer.doubted:
            raise NothingChanged from error
        raise


def cancel(do: Callable[[], object], under_way: Callable[[], bool]) -> None:
    """Cancel something. What came to its end meanwhile is refused, and needs no cancelling."""
    try:
        do()
    except CallFailed as error:
        if error.denied or under_way():
            raise
