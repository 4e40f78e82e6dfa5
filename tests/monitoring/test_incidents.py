"""Who is paged: PagerDuty's service of live, and whom it calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from atpart import At, at_part, held
from watchers.base import PAGER
from watchers.pagerduty import PagerDuty

FILE = Path("monitoring/escalation.json")


@pytest.fixture
def at() -> Iterator[At]:
    """Its part in `live`, with two levels."""
    yield from held(PagerDuty())


def test_the_first_level_is_called_and_after_its_minutes_the_next(at: At) -> None:
    at.bootstrap()
    has = at.vendor.has()
    policy, service = has["my-service-live (policy)"], has["my-service-live"]
    assert policy["num_loops"] == 1
    first, second = policy["escalation_rules"]
    assert first["escalation_delay_in_minutes"] == 15
    assert first["targets"] == [{"id": "PSCHED1", "type": "schedule_reference"}]
    assert [each["id"] for each in second["targets"]] == ["PUSER01", "PUSER02"]
    assert service["escalation_policy"]["id"] == policy["id"]
    assert service["incident_urgency_rule"]["urgency"] == "high"
    assert service["description"].endswith("/my-team/my-service/blob/HEAD/README.md#runbook")
    assert [each["summary"] for each in service["integrations"]] == ["my-service-live-events"]


def test_where_to_copy_the_key_from_is_said_until_somebody_did(at: At) -> None:
    at.context.settings.environment["PAGERDUTY_ROUTING_KEY"] = ""
    at.bootstrap()
    assert "copy the Integration Key of my-service-live-events" in at.said.getvalue()
    at.said.truncate(0)
    at.context.settings.environment["PAGERDUTY_ROUTING_KEY"] = PAGER
    at.bootstrap()
    assert "copy" not in at.said.getvalue()


def test_nobody_is_made_up_so_without_levels_nothing_is_set_up(at: At) -> None:
    FILE.write_text('{ "repeat": 1, "levels": [] }')
    assert at.bootstrap() == []
    assert at.vendor.calls == []
    assert "`levels` of monitoring/escalation.json" in at.said.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"levels": []}',
        '{"repeat": 1, "levels": [{"schedules": ["P1"]}]}',
        '{"repeat": 1, "levels": [{"minutes": 15, "users": []}]}',
        '{"repeat": 1, "levels": [{"minutes": "soon", "users": ["P1"]}]}',
    ],
)
def test_a_file_that_is_not_as_described_says_how_it_is_to_be(at: At, text: str) -> None:
    FILE.write_text(text)
    with at.failing("monitoring/escalation.json cannot be read", '"minutes": 15'):
        at.bootstrap()
    assert at.vendor.calls == []


@pytest.mark.parametrize("env", ["sandbox", "testbed"])
def test_nobody_is_paged_of_another_environment(env: str) -> None:
    at = at_part(PagerDuty(), env)
    assert at.bootstrap() == []
    assert at.vendor.calls == []
