"""What fails is told to people, and what passed to who waits for it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from atpart import engine_of

URL = "https://beats.example.com/s3cr3t"


class Task:
    """A task of an environment that has an ops/notify, and what came of it."""

    def __init__(self, env: str = "live", **environment: str) -> None:
        self.engine = engine_of("incidents", "slack")
        self.news = self.engine.modules["news"]
        self.told: list[tuple[str, ...]] = []
        self.called: list[tuple[str, str]] = []
        self.answer: dict[str, Any] = {"status": 200}
        self.said: list[str] = []
        self.news.status = self._run
        self.news.send = self._send
        settings = self.engine.variables.Settings(environment)
        console = SimpleNamespace(say=self.said.append)
        self.at = SimpleNamespace(env=env, task="backup", settings=settings, console=console)

    def _run(self, *command: str) -> int:
        self.told.append(command)
        return 0

    def _send(self, method: str, url: str, *_: Any, **__: Any) -> Any:
        self.called.append((method, url))
        return self.engine.http.Answer(**{"status": None, **self.answer})

    def fails(self, error: Exception) -> None:
        """Have it fail."""
        with pytest.raises(type(error)), self.news.telling(self.at):
            raise error


@pytest.fixture(autouse=True)
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a project with ops/notify."""
    monkeypatch.chdir(tmp_path)
    Path("ops").mkdir()
    Path("ops/notify").touch(0o755)


def test_a_failure_is_told_with_its_causes_and_as_bad_as_it_is() -> None:
    task = Task()
    errors = task.engine.errors
    failure = errors.Failure("nothing was changed")
    failure.__cause__ = errors.Failure("GET /x failed: 500")
    task.fails(failure)
    task.fails(errors.Down("live may be down"))
    why = "ops/backup live: GET /x failed: 500; nothing was changed"
    assert task.told == [
        ("ops/notify", "live", "warning", why),
        ("ops/notify", "live", "critical", "ops/backup live: live may be down"),
    ]


def test_a_wrong_call_and_this_machine_are_no_news() -> None:
    task, local = Task(), Task("local")
    task.fails(task.engine.errors.Misuse("no such thing"))
    local.fails(local.engine.errors.Failure("it failed"))
    assert task.told == local.told == []


def test_what_passed_calls_the_address_of_who_waits_for_it() -> None:
    task = Task(BACKUP_HEARTBEAT_URL=URL)
    task.news.beat(task.at, "backup")
    task.news.beat(task.at, "drill")
    assert task.called == [("GET", URL)]
    assert task.said == []


@pytest.mark.parametrize(
    ("url", "answer"),
    [(URL, {"error": "no way there"}), (URL, {"status": 404}), ("s3cr3t", {"status": 200})],
)
def test_who_waits_and_cannot_be_called_is_said_so_without_the_address(
    url: str, answer: dict[str, Any]
) -> None:
    task = Task(BACKUP_HEARTBEAT_URL=url)
    task.answer = answer
    task.news.beat(task.at, "backup")
    [said] = task.said
    assert "BACKUP_HEARTBEAT_URL" in said
    assert "s3cr3t" not in said
