"""ops/notify: who hears of what, in which words, and what if they cannot be told."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from atpart import engine_of
from described import description
from watchers.base import CHAT, PAGER

EVENTS = description("pagerduty-events-v2.json")
#: What only a test sets: nobody waits, and a call has no more time than that.
QUICK = {"RETRY_DELAY": "1"}


#: What to do, at the forge.
RUNBOOK = "https://forge.example.com/my-team/my-service/blob/HEAD/README.md#runbook"


class Told:
    """Slack's webhook and PagerDuty's events, and the task that calls them."""

    def __init__(self, option: str = "pagerduty") -> None:
        self.engine = engine_of("incidents", option)
        self.engine.clock.reset()
        self.chat: list[str] = []
        self.events: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.said: list[str] = []
        self.remote = "git@forge.example.com:my-team/my-service.git"
        #: What becomes of the next calls of Slack's: a status with words, or no answer.
        self.chat_fails: list[Any] = []
        self.pager_fails: list[Any] = []
        for module in self.engine.modules.values():
            if hasattr(module, "send"):
                module.send = self._send

    def __call__(self, env: str, level: str, text: str, **environment: str) -> None:
        """Run the task."""
        console = self.engine.errors.Console("notify")
        console.say = self.said.append
        told = {"SLACK_WEBHOOK_URL": CHAT, "PAGERDUTY_ROUTING_KEY": PAGER, **QUICK, **environment}
        at = SimpleNamespace(
            env=env,
            settings=self.engine.variables.Settings(told),
            console=console,
            project=SimpleNamespace(name="my-service"),
            git=SimpleNamespace(remote="origin", found=lambda *_: self.remote),
        )
        task = self.engine.modules["notify"]
        task.Context = lambda _: at
        try:
            task.task(SimpleNamespace(names=[env, level, text]))
        finally:
            assert not [each for each in self.said if "s3cr3t" in each]

    def _send(
        self, method: str, url: str, headers: dict[str, str], body: bytes, timeout: float
    ) -> Any:
        assert timeout <= 10, "a deploy waits for it"
        assert method == "POST"
        assert headers["Content-Type"] == "application/json"
        self.calls.append(url)
        answer, said = self.engine.http.Answer, json.loads(body)
        if url == CHAT:
            fault = self.chat_fails.pop(0) if self.chat_fails else None
            if fault is None or fault.get("error") == "no whole answer":
                assert said.keys() == {"text"}
                assert 0 < len(said["text"]) <= 4000
                self.chat.append(said["text"])
            return answer(200, b"ok") if fault is None else answer(**{"status": None, **fault})
        assert url == "https://events.pagerduty.com/v2/enqueue"
        EVENTS.held("POST", "/enqueue", headers["Accept"], said)
        fault = self.pager_fails.pop(0) if self.pager_fails else None
        if fault is not None:
            return answer(**{"status": None, **fault})
        self.events.append(said)
        made = {"status": "success", "message": "Event processed", "dedup_key": said["dedup_key"]}
        return answer(202, json.dumps(EVENTS.answered("POST", "/enqueue", 202, made)).encode())

    def open(self) -> set[str]:
        """Give the incidents that are open, as PagerDuty makes them of events."""
        found: set[str] = set()
        for each in self.events:
            change = found.add if each["event_action"] == "trigger" else found.discard
            change(each["dedup_key"])
        return found


@pytest.fixture
def told() -> Told:
    """Both of them."""
    return Told()


@pytest.mark.parametrize("env", ["sandbox", "testbed", "live"])
@pytest.mark.parametrize("level", ["info", "warning", "critical", "resolved"])
def test_the_dev_channel_hears_of_everything_and_who_is_on_call_of_what_is_critical_in_live(
    told: Told, env: str, level: str
) -> None:
    told(env, level, "it may be down")
    [message] = told.chat
    assert f"*my-service {env}*, {level}: it may be down" in message
    paged = env == "live" and level in ("critical", "resolved")
    assert bool(told.events) == paged


def test_more_that_is_critical_is_one_incident_and_what_passed_after_it_closes_it(
    told: Told,
) -> None:
    told("live", "critical", "live may be down: v1 did not come back")
    told("live", "critical", "live may be down: still")
    assert told.open() == {"my-service-live"}
    assert told.events[0]["payload"]["severity"] == "critical"
    told("live", "resolved", "live runs v2")
    assert told.open() == set()


def test_what_is_wrong_leads_to_what_to_do_where_there_is_a_forge(told: Told) -> None:
    told("live", "critical", "it is down")
    told("live", "resolved", "it is up")
    told.remote = "/srv/git/my-service.git"
    told("live", "critical", "it is down")
    assert [RUNBOOK in each for each in told.chat] == [True, False, False]
    links = [[it["href"] for it in each.get("links", [])] for each in told.events]
    assert links == [[RUNBOOK], [], []]


def test_text_calls_nobody_and_is_cut_where_the_two_want_it(told: Told) -> None:
    told("live", "critical", "<!channel> a & b <@U1> " + "<" * 5000)
    [message], [event] = told.chat, told.events
    assert "&lt;!channel&gt; a &amp; b &lt;@U1&gt; " in message
    assert message.count("<") == 1, "that of the runbook"
    assert message.endswith(f"&lt;…\n<{RUNBOOK}|Runbook>")
    assert len(event["payload"]["summary"]) == 1024


def test_who_has_no_address_is_left_out_and_the_task_ends_well(told: Told) -> None:
    told("live", "critical", "it is down", SLACK_WEBHOOK_URL="")
    assert told.said == ["nobody is told there, SLACK_WEBHOOK_URL is not set"]
    assert len(told.events) == 1
    told("live", "critical", "it is down", SLACK_WEBHOOK_URL="", PAGERDUTY_ROUTING_KEY="")
    assert len(told.calls) == 1


def test_a_project_without_a_pager_never_speaks_of_one() -> None:
    slack = Told("slack")
    slack("live", "critical", "it is down", PAGERDUTY_ROUTING_KEY="")
    assert len(slack.chat) == 1
    assert slack.said == []


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"status": 404, "body": b"no_service"}, "Slack says 404 no_service"),
        ({"status": 500, "body": b"rollup_error"}, "Slack says 500 rollup_error"),
        ({"error": "hooks.slack.test: no way there", "arrived": False}, "was not told: hooks"),
        ({"error": "no whole answer"}, "may have been told or not: no whole answer"),
    ],
)
def test_a_channel_that_cannot_be_told_says_why_and_keeps_nobody_from_being_paged(
    told: Told, fault: dict[str, Any], says: str
) -> None:
    told.chat_fails = [fault] * 9
    with pytest.raises(told.engine.errors.Failure, match="not everybody was told"):
        told("live", "critical", "it is down")
    assert says in told.said[0]
    assert len(told.events) == 1


def test_what_slack_may_have_got_is_not_sent_twice_and_what_the_pager_got_may_be(
    told: Told,
) -> None:
    told.chat_fails = [{"error": "no whole answer"}] * 9
    told.pager_fails = [{"error": "no whole answer"}]
    with pytest.raises(told.engine.errors.Failure):
        told("live", "critical", "it is down")
    assert len(told.chat) == 1
    assert told.open() == {"my-service-live"}


def test_a_channel_that_has_too_much_to_do_is_told_when_it_says(told: Told) -> None:
    told.chat_fails = [{"status": 429, "after": "7"}]
    told("live", "info", "live runs v1")
    assert len(told.chat) == 1
    assert 7 <= sum(told.engine.clock.slept) <= 8.5


def test_a_pager_that_refuses_an_event_says_why(told: Told) -> None:
    words = b'{"status": "invalid event", "message": "Event object is invalid", "errors": []}'
    told.pager_fails = [{"status": 400, "body": words}]
    with pytest.raises(told.engine.errors.Failure, match="not everybody was told"):
        told("live", "critical", "it is down")
    assert "400 Event object is invalid" in told.said[0]
    assert told.said[1] == "whoever is on call was not told"


def test_an_address_that_is_none_is_not_called_and_not_shown(told: Told) -> None:
    with pytest.raises(told.engine.errors.Failure):
        told("testbed", "info", "live runs v1", SLACK_WEBHOOK_URL="s3cr3t-hook")
    assert told.calls == []


def test_a_level_that_there_is_not_is_a_wrong_call(told: Told) -> None:
    with pytest.raises(told.engine.errors.Misuse, match="no level 'fatal'"):
        told("live", "fatal", "it is down")
