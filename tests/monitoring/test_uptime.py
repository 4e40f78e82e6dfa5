"""Uptime: what is asked after where, who is told, and what a clock starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from atpart import FORGE, at_part
from watchers.base import CHAT, PAGER
from watchers.pagerduty import PagerDuty
from watchers.pingdom import Pingdom
from watchers.uptimerobot import MAIL, UptimeRobot


def test_live_tells_the_dev_channel_and_who_is_on_call_testbed_the_channel_alone() -> None:
    live, testbed = UptimeRobot(), UptimeRobot()
    at_part(live).bootstrap()
    both = ["my-service-live-pagerduty", "my-service-live-slack"]
    assert live.said_of("my-service-live") == both
    assert live.said_of("my-service-live-backup") == both
    assert live.knows() == {CHAT, PAGER}
    at_part(testbed, "testbed").bootstrap()
    assert testbed.said_of("my-service-testbed") == ["my-service-testbed-slack"]
    assert testbed.knows() == {CHAT}


@pytest.mark.parametrize("kind", [UptimeRobot, Pingdom])
def test_a_sandbox_is_not_asked_after_as_it_may_sleep(kind: type[UptimeRobot | Pingdom]) -> None:
    at = at_part(kind(), "sandbox")
    assert at.bootstrap() == []
    assert at.vendor.calls == []


RUNBOOK = "https://github.com/my-team/my-service/blob/HEAD/README.md#runbook"


@pytest.mark.parametrize(
    ("remote", "added"),
    [(f"git@{FORGE}.git", RUNBOOK), ("/srv/my-service.git", "my-service-live")],
    ids=["forge", "folder"],
)
def test_what_it_says_in_the_channel_has_a_link_to_the_runbook_if_there_is_a_place_for_it(
    remote: str, added: str
) -> None:
    vendor = UptimeRobot()
    at = at_part(vendor)
    at.context.git.found = lambda *_: remote
    at.bootstrap()
    [number] = [it["id"] for it in vendor.has().values() if it.get("value") == CHAT]
    assert vendor.settings[number]["customValue"] == added


def test_a_webhook_that_was_changed_is_told_and_never_shown() -> None:
    at = at_part(UptimeRobot())
    at.bootstrap()
    at.context.settings.environment["SLACK_WEBHOOK_URL"] = f"{CHAT}-2"
    change = "change the integration my-service-live-slack: another webhookURL"
    assert at.bootstrap() == [change]
    assert at.bootstrap() == []
    assert at.vendor.has()["my-service-live-slack"]["value"] == f"{CHAT}-2"
    assert "s3cr3t" not in at.said.getvalue()


def test_of_a_secret_that_the_vendor_hides_nobody_says_that_it_changed() -> None:
    at = at_part(UptimeRobot(masks=True))
    at.bootstrap()
    assert at.bootstrap() == []


def test_whom_people_added_to_a_monitor_still_hears_of_it() -> None:
    at = at_part(UptimeRobot())
    del at.context.settings.environment["PAGERDUTY_ROUTING_KEY"]
    at.bootstrap()
    ours = at.vendor.has()["my-service-live"]
    ours["assignedAlertContacts"].append(MAIL)
    at.context.settings.environment["PAGERDUTY_ROUTING_KEY"] = PAGER
    assert len(at.bootstrap()) == 3, "the integration, the monitor and the heartbeat"
    assert MAIL in ours["assignedAlertContacts"]
    assert isinstance(at.vendor, UptimeRobot)
    assert len(at.vendor.said_of("my-service-live")) == 2


def test_a_heartbeat_is_of_what_a_clock_starts_there_and_its_address_is_kept_once() -> None:
    at = at_part(UptimeRobot())
    at.bootstrap()
    beat = at.vendor.has()["my-service-live-backup"]
    assert (beat["type"], beat["interval"], beat["gracePeriod"]) == ("HEARTBEAT", 86400, 10800)
    assert "my-service-live-drill" not in at.vendor.has()
    keep = f"as a variable of live: BACKUP_HEARTBEAT_URL={beat['url']}"
    assert keep in at.said.getvalue()
    at.said.truncate(0)
    at.context.settings.environment["BACKUP_HEARTBEAT_URL"] = beat["url"]
    at.bootstrap()
    assert "HEARTBEAT" not in at.said.getvalue()


def test_a_plan_without_heartbeats_has_the_rest() -> None:
    at = at_part(UptimeRobot(free=True))
    at.bootstrap()
    assert "my-service-live" in at.vendor.has()
    assert "plans without a price have no heartbeats" in at.said.getvalue()


def test_pingdom_tells_whom_somebody_set_up_there_and_says_so_if_that_is_nobody() -> None:
    at = at_part(Pingdom())
    at.bootstrap()
    assert at.vendor.has()["my-service-live"]["integrationids"] == [74356, 74358]
    alone = at_part(Pingdom(), PINGDOM_INTEGRATION_IDS="")
    alone.bootstrap()
    assert "Pingdom tells nobody as yet" in alone.said.getvalue()
    assert alone.bootstrap() == []
    wrong = at_part(Pingdom(), PINGDOM_INTEGRATION_IDS="Slack")
    with wrong.failing("PINGDOM_INTEGRATION_IDS is to be numbers with commas between them"):
        wrong.bootstrap()


@pytest.mark.parametrize(
    ("vendor", "name", "value"),
    [
        (UptimeRobot(), "INTERVAL", 5),
        (Pingdom(), "RESOLUTION", 7),
        (PagerDuty(), "EVENTS", "no such integration"),
    ],
    ids=lambda it: getattr(it, "option", None),
)
def test_a_value_that_the_vendor_does_not_take_is_refused_and_told(
    vendor: UptimeRobot | Pingdom | PagerDuty,
    name: str,
    value: object,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    at = at_part(vendor)
    monkeypatch.setattr(at.engine.modules[vendor.module], name, value)
    monkeypatch.chdir(tmp_path)
    for file, text in vendor.files.items():
        Path(file).parent.mkdir()
        Path(file).write_text(text)
    with at.failing("failed: 400"):
        at.bootstrap()
    assert vendor.wrong, "the description has it refused"
