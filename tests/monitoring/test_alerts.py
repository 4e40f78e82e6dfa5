"""The table of alerts, and the rules that Prometheus makes of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from conftest import TEMPLATE
from monitored import alerts

if TYPE_CHECKING:
    from conftest import Render

STACKS = [option.id for option in TEMPLATE.catalog.axes["stack"] if "image" in option.row["traits"]]


@pytest.mark.parametrize("stack", STACKS)
def test_the_rules_of_an_environment_are_those_of_the_table(render: Render, stack: str) -> None:
    project = render(stack=stack)
    told = json.loads((project / "monitoring/alerts.json").read_text())["alerts"]
    signals = json.loads((project / "monitoring/signals.json").read_text())
    for env in ("local", "live"):
        said = subprocess.check_output(["ops/alerts", env], cwd=project, text=True)
        [group] = yaml.safe_load(said)["groups"]
        wanted = {
            row["id"]: (row["above"], row["for"], row["severity"])
            for row in told
            if env in row.get("environments", [env]) and signals[row["signal"]]["promql"]
        }
        found = {
            rule["alert"]: (
                float(re.match(r".*? > ([0-9.e+]+)", rule["expr"])[1]),  # type: ignore[index]
                rule["for"],
                rule["labels"]["severity"],
            )
            for rule in group["rules"]
        }
        assert found == wanted
        for rule in group["rules"]:
            assert f'deployment_environment_name="{env}"' in rule["expr"]
            assert "$" not in rule["expr"]
            page, _, section = rule["annotations"]["runbook_url"].partition("#")
            assert f"## {section}\n" in (project / page).read_text()


def test_whoever_says_less_is_silent_while_a_cause_holds(render: Render) -> None:
    table = alerts().table(render(stack="node"))
    [alert] = [each for each in table.alerts if each.id == "error-count"]
    said = table.promql(alert, 'job="x"')
    assert said.count(" unless on() (") == len(alert.unless) == 3
    assert said.startswith(table.above(alert, 'job="x"'))


def _row(**keys: Any) -> Callable[[dict[str, Any]], object]:
    return lambda it: it["alerts"][1].update(keys)


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda it: it.update(objective=99.9), "objective is to be a part of one, such as 0.999"),
        (lambda it: it["alerts"][1].pop("for"), "silence: it lacks for"),
        (_row(treshold=3), "silence: there is no treshold"),
        (_row(id="unreachable"), "unreachable: its id is to be words with hyphens between them"),
        (_row(id="Silence"), "Silence: its id is to be words"),
        (_row(signal="noise"), "there is no signal noise; monitoring/signals.json has those"),
        (_row(above="much"), "silence: above is to be a number"),
        (_row(above=True), "silence: above is to be a number"),
        (_row(severity="bad"), "silence: severity is to be critical or warning"),
        (_row(environments=["prod"]), "silence: environments are to be of local, sandbox"),
        (_row(unless=["silence"]), "silence: unless is to name other alerts"),
        (_row(id="quiet"), "quiet: monitoring/runbook.md is to have a section '## quiet' on it"),
        (_row(**{"for": "soon"}), "silence: for is to be a time such as 5m"),
    ],
)
def test_a_table_that_is_not_as_described_says_where(
    render: Render, tmp_path: Path, edit: Callable[[dict[str, Any]], object], why: str
) -> None:
    shutil.copytree(render(stack="node") / "monitoring", tmp_path / "monitoring")
    file = tmp_path / "monitoring/alerts.json"
    table = json.loads(file.read_text())
    edit(table)
    file.write_text(json.dumps(table))
    wrong: Any = pytest.raises(Exception, match=re.escape(why))
    with wrong as caught:
        alerts().table(tmp_path)
    assert caught.value.code == 2


def test_files_that_are_no_json_or_not_there_are_said_so(render: Render, tmp_path: Path) -> None:
    shutil.copytree(render(stack="node") / "monitoring", tmp_path / "monitoring")
    file = tmp_path / "monitoring/alerts.json"
    file.write_text("{")
    with pytest.raises(Exception, match=r"monitoring/alerts\.json is no JSON: Expecting property"):
        alerts().table(tmp_path)
    file.unlink()
    with pytest.raises(Exception, match=r"monitoring/alerts\.json: No such file or directory"):
        alerts().table(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("stack", STACKS)
def test_prometheus_takes_the_rules(render: Render, tmp_path: Path, stack: str) -> None:
    project = render(stack=stack)
    rules = tmp_path / "rules.yml"
    rules.write_bytes(subprocess.check_output(["ops/alerts", "live"], cwd=project))
    said = subprocess.check_output(["promtool", "check", "rules", rules], text=True)
    assert "SUCCESS" in said
