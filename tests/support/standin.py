"""A vendor's API in memory, held to what the vendor publishes; and what goes wrong with it."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

from described import description

SECRET = "s3cr3t-t0ken"  # noqa: S105 (the stand-ins' own)


@dataclass
class Fault:
    """What happens to the next calls of a kind, such as `POST .*/backups`, instead of an answer.

    Args:
        kind: A status; `away`, which never arrives; or `drop`, which carries the call out and
            tells nobody.
        after: How many of them are answered before.
    """

    calls: str
    kind: Literal["401", "429", "500", "away", "drop"]
    times: int = 1
    after: int = 0


class Asked(NamedTuple):
    """A call; of its path the parts."""

    method: str
    path: list[str]
    query: dict[str, str]
    body: Any


@dataclass
class StandIn(ABC):
    """A vendor's API.

    Args:
        faults: What goes wrong.
        calls: What was asked, as `POST /path`; the first part of the path left out.
    """

    title: ClassVar[str]
    #: The option of the template's catalogue.
    option: ClassVar[str]
    #: What it publishes of its API, among the descriptions; empty if that is prose.
    file: ClassVar[str] = ""
    prefix: ClassVar[str] = ""
    #: What it answers though it is not published, with the reason.
    beyond: ClassVar[Mapping[int, str]] = {}
    faults: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with what there is."""
        self.published = description(self.file) if self.file else None

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""

    @abstractmethod
    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Answer a call."""

    @abstractmethod
    def refused(self, status: int) -> Any:
        """Give the body of a refusal."""

    def authorized(self, headers: Mapping[str, str]) -> bool:
        """Say whether a call says who makes it."""
        return headers["Authorization"] == f"Bearer {SECRET}"

    def changes(self) -> list[str]:
        """Give the calls that were no mere questions."""
        return [call for call in self.calls if not call.startswith("GET ")]

    def send(
        self, answer: Any, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Any:
        """Answer as `engine/http.py` gives it; `answer` is its class."""
        target = url.removeprefix(f"https://{self.option}.test").removeprefix(self.prefix)
        said = f"{method} {urlsplit(target).path}"
        self.calls.append(said)
        kind = self._fault(said)
        if kind == "away":
            return answer(None, error="no way there", arrived=False)
        if kind.isdigit():
            return answer(int(kind), json.dumps(self.refused(int(kind))).encode())
        status, told = self._carried_out(method, target, headers, body)
        if kind == "drop":
            return answer(None, error="no whole answer")
        return answer(status, b"" if told is None else json.dumps(told).encode())

    def _fault(self, said: str) -> str:
        for fault in self.faults:
            if not fault.times or not re.fullmatch(fault.calls, said):
                continue
            if not fault.after:
                fault.times -= 1
                return fault.kind
            fault.after -= 1
        return ""

    def _carried_out(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, Any]:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path.strip("/").split("/")
        special: tuple[int, Any] | None
        special = self.unpublished(f"{method} {parts.path}", headers, body)
        if special:
            return special
        if not self.authorized(headers):
            return 401, self.refused(401)
        read = None if body is None else json.loads(body)
        try:
            if self.published:
                self.published.held(method, target, headers["Accept"], read)
            status, said = self.answer(Asked(method, path, query, read))
            if self.published and status not in self.beyond:
                said = self.published.answered(method, target, status, said)
        except AssertionError as error:
            # The task would take it for an answer; the test is told.
            self.wrong.append(str(error))
            return 400, self.refused(400)
        return status, said

    def unpublished(self, said: str, headers: Mapping[str, str], body: bytes | None) -> Any:
        """Answer a call that the description leaves out, with a status and JSON."""
        del said, headers, body
