"""What is particular to Grafana: who is told, and what deploys draw."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml
from atpart import URL, At, at_part, files_of, held
from conftest import rendered
from standin import Fault
from watchers.grafana import Grafana


@pytest.fixture
def at() -> Iterator[At]:
    """Grafana, in `live`."""
    yield from held(Grafana())


def grafana(at: At) -> Grafana:
    assert isinstance(at.vendor, Grafana)
    return at.vendor


def told(vendor: Grafana, env: str) -> dict[str, set[str]]:
    """Give by which ways people are told, by the names that rules have for them."""
    names = {f"my-service-{env}-{severity}" for severity in ("critical", "warning")}
    points = vendor.points.values()
    return {name: {each["type"] for each in points if each["name"] == name} for name in names}


def test_a_pager_is_for_what_is_critical_in_live(at: At) -> None:
    at.bootstrap()
    assert told(grafana(at), "live") == {
        "my-service-live-warning": {"slack"},
        "my-service-live-critical": {"slack", "pagerduty"},
    }
    receivers = {
        each["title"]: each["notification_settings"]["receiver"] for each in grafana(at).rules()
    }
    assert receivers["errors"] == "my-service-live-critical"
    assert receivers["latency"] == "my-service-live-warning"


def test_elsewhere_nobody_is_paged(at: At) -> None:
    other = at_part(at.vendor, "sandbox")
    other.bootstrap()
    assert told(grafana(at), "sandbox") == {
        "my-service-sandbox-warning": {"slack"},
        "my-service-sandbox-critical": {"slack"},
    }
    silent = {"silence", "budget-burns-fast", "restarts"}
    assert not silent & {each["title"] for each in grafana(at).rules("my-service-sandbox")}


def test_where_nobody_is_to_be_told_rules_are_others_to_route(at: At) -> None:
    at.context.settings.environment.update(SLACK_WEBHOOK_URL="", PAGERDUTY_ROUTING_KEY="")
    at.bootstrap()
    assert set(grafana(at).points) == {"my-service-live-eu"}
    assert not any("notification_settings" in each for each in grafana(at).rules())


def test_a_secret_that_changed_is_seen_though_it_is_not_shown(at: At) -> None:
    at.bootstrap()
    at.context.settings.environment["SLACK_WEBHOOK_URL"] = "https://hooks.slack.test/s3cr3t-new"
    assert [change.split(":")[0] for change in at.bootstrap()] == [
        "change the contact point my-service-live-critical-slack",
        "change the contact point my-service-live-warning-slack",
    ]
    assert at.bootstrap() == []
    url = grafana(at).points["my-service-live-warning-slack"]["settings"]["url"]
    assert url == "https://hooks.slack.test/s3cr3t-new"


def test_an_alert_that_is_in_the_table_no_more_goes(at: At) -> None:
    at.bootstrap()
    grafana(at).rules().append({**grafana(at).rules()[0], "title": "of-old", "uid": "of-old"})
    [change] = at.bootstrap()
    assert "alerts" in change
    assert "of-old" not in {each["title"] for each in grafana(at).rules()}


def test_an_alert_leads_to_its_section_of_the_runbook_where_people_read_it(at: At) -> None:
    at.bootstrap()
    runbook = "https://github.com/my-team/my-service/blob/HEAD/monitoring/runbook.md"
    for rule in grafana(at).rules():
        assert rule["annotations"]["runbook_url"] == f"{runbook}#{rule['title']}"
    sections = (files_of(performance="grafana") / "monitoring/runbook.md").read_text()
    assert all(f"\n## {rule['title']}\n" in sections for rule in grafana(at).rules())


@pytest.mark.parametrize(
    ("remote", "page"),
    [
        ("git@github.com:t/s.git", "https://github.com/t/s/blob/HEAD/x"),
        ("https://oauth2:s3cr3t@gitlab.com/g/t/s.git", "https://gitlab.com/g/t/s/blob/HEAD/x"),
        ("ssh://git@git.example.com:2222/t/s", "https://git.example.com/t/s/blob/HEAD/x"),
        ("https://t@bitbucket.org/t/s.git", "https://bitbucket.org/t/s/src/HEAD/x"),
        ("/srv/git/s.git", "x"),
        ("", "x"),
    ],
)
def test_a_remote_says_where_people_read_a_file(at: At, remote: str, page: str) -> None:
    at.context.git.found = lambda *_: remote
    assert at.engine.links.page(at.context, "x") == page


def test_the_only_prometheus_has_the_metrics(at: At) -> None:
    grafana(at).sources = [{"uid": "P1", "type": "prometheus", "name": "ours"}]
    at.bootstrap()
    assert grafana(at).rules()[0]["data"][0]["datasourceUid"] == "P1"


def test_of_several_one_has_to_be_named(at: At) -> None:
    grafana(at).sources = [
        {"uid": uid, "type": "prometheus", "name": uid.lower()} for uid in ("P1", "P2")
    ]
    with at.failing("these are Prometheus': P1, P2; GRAFANA_DATASOURCE may, by its uid"):
        at.bootstrap()
    assert at.vendor.changes() == []
    at.context.settings.environment["GRAFANA_DATASOURCE"] = "P2"
    at.bootstrap()
    assert grafana(at).rules()[0]["data"][0]["datasourceUid"] == "P2"


def test_a_token_without_an_address_is_said_so_before_anything_is_done(at: At) -> None:
    at.context.settings.environment.pop("GRAFANA_URL")
    at.engine.performance.check(at.context)
    with at.failing("GRAFANA_URL: where Grafana is"):
        at.context.settings.met("")


def test_a_deploy_is_drawn_into_its_environment(at: At) -> None:
    settings = at.context.settings.environment
    settings["GRAFANA_DEPLOYS_TOKEN"] = settings.pop("GRAFANA_TOKEN")
    at.engine.performance.deployed(at.context, "0123456789abcdef")
    [drawn] = grafana(at).annotations
    assert drawn["text"] == "0123456 runs"
    assert drawn["tags"] == ["deploy", "my-service-live"]


def test_without_a_token_no_deploy_is_drawn(at: At) -> None:
    at.context.settings.environment.pop("GRAFANA_TOKEN")
    at.engine.performance.deployed(at.context, "0123456789abcdef")
    assert at.vendor.calls == []


def test_a_deploy_that_cannot_be_drawn_is_tried_once_and_told(at: At) -> None:
    at.vendor.faults.append(Fault(".*", "500", 99))
    with at.failing("Grafana was not told of the deploy: 500"):
        at.engine.performance.deployed(at.context, "0123456789abcdef")
    assert len(at.vendor.calls) == 1


def test_an_address_may_end_with_a_slash(at: At) -> None:
    at.context.settings.environment["GRAFANA_URL"] += "/"
    assert at.bootstrap()
    assert URL in grafana(at).points["my-service-live-critical-pagerduty"]["settings"]["client_url"]


@pytest.fixture
def files() -> dict[str, str]:
    """What a project has, by path."""
    made = rendered(("stack", "node"), ("performance", "grafana"))
    return {file.path.as_posix(): file.content.decode("utf-8", "replace") for file in made}


def test_on_a_developers_machine_it_reads_the_same_dashboard_and_prometheus(
    files: dict[str, str],
) -> None:
    services = yaml.safe_load(files["compose.observability.yaml"])["services"]
    mounts = dict(
        reversed(it.removesuffix(":ro").split(":")) for it in services["grafana"]["volumes"]
    )
    there = {place: files[file.removeprefix("./")] for place, file in mounts.items()}

    def provisioned(what: str, key: str) -> Any:
        [text] = [it for place, it in there.items() if f"/provisioning/{what}/" in place]
        read = yaml.safe_load(text)
        assert read["apiVersion"] == 1
        [one] = read[key]
        return one

    source = provisioned("datasources", "datasources")
    provider = provisioned("dashboards", "providers")
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in services
    looked_at = PurePosixPath(provider["options"]["path"])
    [place] = [it for it in there if PurePosixPath(it).parent == looked_at]
    board = json.loads(there[place])
    assert there[place] == files["monitoring/grafana/dashboard.json"]
    [chosen] = [it for it in board["templating"]["list"] if it["type"] == "datasource"]
    assert (chosen["query"], chosen["current"]) == (source["type"], {}), "that is the default one"
    assert source["isDefault"]
    read = yaml.safe_load(files["monitoring/prometheus.yml"])["global"]["scrape_interval"]
    assert source["jsonData"] == {"timeInterval": read}


def test_on_a_developers_machine_nobody_else_gets_in_and_nobody_may_change_it(
    files: dict[str, str],
) -> None:
    grafana = yaml.safe_load(files["compose.observability.yaml"])["services"]["grafana"]
    assert [port.split(":")[0] for port in grafana["ports"]] == ["127.0.0.1"]
    told = grafana["environment"]
    assert told["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert told["GF_AUTH_BASIC_ENABLED"] == "false", "admin has a password that everybody knows"
    taken = yaml.safe_load(files["compose.yaml"])["services"]["my-service"]["ports"]
    assert not {it.split(":")[1] for it in grafana["ports"]} & {it.split(":")[1] for it in taken}
