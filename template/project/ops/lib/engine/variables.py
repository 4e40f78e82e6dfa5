"""What a task reads from its environment, and the tools it needs: all that is missing is told at once."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from .errors import Failure, Missing, Misuse

T = TypeVar("T")


class Settings:
    """The environment variables of a task."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self.environment = environment
        self._missing: list[str] = []
        self._code = 3

    def get(self, name: str, default: str = "") -> str:
        """Give a setting; one that is empty counts as missing. The end of a line that was pasted is none of it."""
        return self.environment.get(name, "").rstrip("\r\n") or default

    def seconds(self, name: str, default: float) -> float:
        """Give a setting that is a number."""
        text = self.get(name, str(default))
        try:
            number = float(text)
        except ValueError:
            number = -1
        if not 0 <= number < math.inf:
            raise Misuse(f"{name} is to be a number, not '{text}'")
        return number

    def pause(self) -> None:
        """Wait between two looks at something."""
        time.sleep(self.seconds("POLL_INTERVAL", 3))

    def persist(self, times: int, do: Callable[[], T]) -> T:
        """Do something, again that many times while it fails."""
        delay = self.seconds("RETRY_DELAY", 1)
        for _ in range(times):
            try:
                return do()
            except Failure:
                time.sleep(delay)
        return do()

    def need(self, name: str, what: str) -> None:
        """Note a setting as missing, if it is."""
        if not self.get(name):
            self.lack(name, what, 2)

    def need_tool(self, name: str, what: str = "install it with apt-get, apk or brew") -> None:
        """Note a program as missing, if it is."""
        if not shutil.which(name):
            self.lack(name, what)

    def lack(self, name: str, what: str, code: int = 3) -> None:
        """Note something else as missing, or as wrong."""
        self._missing.append(f"{name}: {what}")
        self._code = min(self._code, code)

    def met(self, kept_in: str) -> None:
        """Stop here if anything is missing."""
        if self._missing:
            hint = [f"settings are kept in {kept_in}; on a laptop, export them"] if self._code == 2 and kept_in else []
            raise Missing("\n  ".join(["cannot start without", *self._missing, *hint]), self._code)
