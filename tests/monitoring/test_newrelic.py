"""What is particular to New Relic: who is told, what is as in Prometheus, deploys as changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from atpart import At, at_part, held
from evaluated import rules_of
from standin import Fault
from watchers.newrelic import NewRelic


@pytest.fixture
def at() -> Iterator[At]:
    """New Relic, in `live`."""
    yield from held(NewRelic())


def newrelic(at: At) -> NewRelic:
    assert isinstance(at.vendor, NewRelic)
    return at.vendor


def conditions(at: At) -> dict[str, dict[str, Any]]:
    found = newrelic(at).things["condition"].values()
    name = "my-service-live-"
    return {it["name"].removeprefix(name): it for it in found if it["policyId"] != "policy-1"}


def test_its_conditions_are_those_of_prometheus(at: At) -> None:
    at.bootstrap()
    rules = rules_of("node")
    assert list(conditions(at)) == list(rules)
    for name, condition in conditions(at).items():
        [term] = condition["terms"]
        assert term["priority"] == rules[name]["labels"]["severity"].upper()
        assert condition["description"] == rules[name]["annotations"]["summary"]
        assert condition["runbookUrl"].endswith(f"/monitoring/runbook.md#{name}")
        assert term["thresholdDuration"] == at.engine.alerts.seconds(rules[name]["for"])
        if name != "silence":
            assert f"> {term['threshold']:g}" in rules[name]["expr"]
            assert term["operator"] == "ABOVE"


def test_silence_is_a_signal_that_is_lost(at: At) -> None:
    at.bootstrap()
    opens = {
        name: condition["expiration"]["openViolationOnExpiration"]
        for name, condition in conditions(at).items()
    }
    assert [name for name, it in opens.items() if it] == ["silence"]


def test_the_pager_is_for_what_is_critical_in_live(at: At) -> None:
    at.bootstrap()
    at_part(at.vendor, "sandbox").bootstrap()
    flows = {it["name"]: it for it in newrelic(at).things["workflow"].values()}
    assert set(flows) - {"my-service-live-eu"} == {
        "my-service-live-chat", "my-service-live-pager", "my-service-sandbox-chat",
    }  # fmt: skip
    predicates = flows["my-service-live-pager"]["issuesFilter"]["predicates"]
    assert [(it["attribute"], it["values"]) for it in predicates] == [
        ("labels.policyIds", ["policy-2"]),
        ("priority", ["CRITICAL"]),
    ]
    [sent] = flows["my-service-live-pager"]["destinationConfigurations"]
    assert sent["notificationTriggers"] == ["ACTIVATED", "CLOSED"]
    assert len(flows["my-service-live-chat"]["issuesFilter"]["predicates"]) == 1


def test_a_secret_that_changed_is_seen_though_it_is_not_shown(at: At) -> None:
    at.bootstrap()
    at.context.settings.environment["SLACK_WEBHOOK_URL"] = "https://hooks.slack.test/s3cr3t-new"
    [change] = at.bootstrap()
    assert change.startswith("change the destination my-service-live-chat")
    assert at.bootstrap() == []
    [it] = [
        it
        for it in newrelic(at).things["destination"].values()
        if it["name"] == "my-service-live-chat"
    ]
    assert it["secureUrl"] == {
        "prefix": "https://hooks.slack.test/",
        "secureSuffix": "s3cr3t-new",
    }


def test_an_alert_that_is_in_the_table_no_more_goes(at: At) -> None:
    at.bootstrap()
    table = Path("monitoring/alerts.json")
    whole = table.read_text()
    rows = json.loads(whole)
    rows["alerts"] = [row for row in rows["alerts"] if row["id"] != "memory"]
    table.write_text(json.dumps(rows))
    try:
        assert at.bootstrap() == ["delete the alert condition my-service-live-memory"]
        assert "memory" not in conditions(at)
    finally:
        table.write_text(whole)


def test_what_is_refused_in_an_answer_of_200_is_a_failure(at: At) -> None:
    newrelic(at).aiWorkflowsCreateWorkflow = lambda *_, **__: {  # type: ignore[method-assign]
        "errors": [{"type": "LIMIT_REACHED", "description": "too many workflows"}]
    }
    with at.failing("New Relic refused aiWorkflowsCreateWorkflow: too many workflows"):
        at.bootstrap()


def test_an_account_that_is_none_is_said_so(at: At) -> None:
    at.context.settings.environment["NEW_RELIC_ACCOUNT_ID"] = "my-team"
    with at.failing("an account of New Relic is a number, not 'my-team'"):
        at.bootstrap()


def test_a_deploy_is_noted_as_a_change_of_the_service(at: At) -> None:
    settings = at.context.settings.environment
    settings["NEW_RELIC_DEPLOYS_KEY"] = settings.pop("NEW_RELIC_API_KEY")
    at.engine.performance.deployed(at.context, "0123456789abcdef")
    [noted] = newrelic(at).noted
    assert noted["shortDescription"] == "0123456 runs in live"
    assert noted["customAttributes"] == {"environment": "live"}


def test_a_deploy_that_cannot_be_noted_is_tried_once_and_told(at: At) -> None:
    at.vendor.faults.append(Fault(".*", "500", 99))
    with at.failing("New Relic was not told of the deploy: 500"):
        at.engine.performance.deployed(at.context, "0123456789abcdef")
    assert len(at.vendor.calls) == 1
