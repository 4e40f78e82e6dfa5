"""ops/flag where no server of MongoDB is found, which its driver takes five seconds to say."""

from __future__ import annotations

import json
from collections.abc import Callable
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any

import pytest
from process import engine_of

ENGINE = engine_of(("stack", "node"), ("ci", "github"), ("hosting", "fly"), ("database", "atlas"))

ASKED: list[Callable[[Any], object]] = [
    lambda switches: switches.read(),
    lambda switches: switches.history("notes-preview"),
    lambda switches: switches.change("notes-preview", "off", "Ann"),
]


@pytest.mark.parametrize("asked", ASKED, ids=["list", "history", "off"])
def test_the_driver_is_asked_once_and_not_what_became_of_it(
    asked: Callable[[Any], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[str] = []

    def unreachable(command: list[str], **options: Any) -> CompletedProcess[str]:
        questions.append(json.loads(options["input"])["what"])
        return CompletedProcess(command, ENGINE.driver.UNREACHABLE, "", "no server was found")

    monkeypatch.setattr(ENGINE.driver, "ended", unreachable)
    monkeypatch.setenv("DATABASE_URL", "mongodb://127.0.0.1:1/app")
    switches = ENGINE.switches.Switches(SimpleNamespace(env="local"))
    switches.open()
    with pytest.raises(ENGINE.errors.Failure, match="its database does not answer"):
        asked(switches)
    assert len(questions) == 1
