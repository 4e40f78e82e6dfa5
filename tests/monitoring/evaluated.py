"""Prometheus' rules of a project, and what Debian's promtool makes of them."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from atpart import engine_of, files_of

#: Minutes that a scene takes in which all but budgets are told apart.
SHORT = 80
SCOPE = 'job="my-service",deployment_environment_name="live"'


@cache
def rules_of(stack: str, env: str = "live", database: str = "none") -> dict[str, dict[str, Any]]:
    """Give the rules of an environment, by the alert's name."""
    alerts = engine_of("performance", "grafana").alerts
    known = alerts.table(files_of(stack=stack, database=database))
    text = "\n".join(alerts.rules(known, "my-service", env, "monitoring/runbook.md"))
    [group] = yaml.safe_load(text)["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def written(rules: list[dict[str, Any]], folder: Path) -> Path:
    """Write rules as Prometheus reads them."""
    file = folder / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "my-service-live", "rules": rules}]}))
    return file


@dataclass
class Scene:
    """What happened, minute by minute, and what was to be told of it.

    Args:
        series: Values of metrics, by name and labels, as promtool has them.
        at: When it is looked at, in minutes.
        fires: The alerts that hold by then; all others do not.
    """

    about: str
    series: dict[str, str]
    at: int
    fires: set[str] = field(default_factory=set)
    env: str = "live"

    def told(self, rules: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """Give what is expected of each rule."""
        return [
            {
                "eval_time": f"{self.at}m",
                "alertname": name,
                "exp_alerts": [self._alert(rule)] if self._fires(name) else [],
            }
            for name, rule in rules.items()
        ]

    def _fires(self, name: str) -> bool:
        """Say whether an alert holds; one that ends with a number is to be as the one without."""
        return name.rstrip("0123456789").rstrip("-") in self.fires

    def _alert(self, rule: dict[str, Any]) -> dict[str, Any]:
        # What is absent has the labels by which it was looked for.
        found = {"job": "my-service", "deployment_environment_name": self.env}
        more = found if rule["expr"].startswith("absent") else {}
        return {"exp_labels": {**rule["labels"], **more}, "exp_annotations": rule["annotations"]}


def played(rules: dict[str, dict[str, Any]], scenes: list[Scene], folder: Path) -> str:
    """Play scenes to rules, and give what was not as expected.

    Hours, which take a part of the time, are for budgets: others see the beginning of such a scene.
    """
    budgets = {name: rule for name, rule in rules.items() if name.startswith("budget-")}
    others = {name: rule for name, rule in rules.items() if name not in budgets}
    short = [replace(scene, at=min(scene.at, SHORT)) for scene in scenes]
    said = promtool(budgets, budgets, scenes, folder)
    return said + promtool(others, others, short, folder)


def promtool(
    rules: dict[str, dict[str, Any]], expected: dict[str, dict[str, Any]], scenes: list[Scene],
    folder: Path,
) -> str:  # fmt: skip
    """Play scenes to rules, and give what was not as expected; of rules that are none, why."""
    tests = [
        {
            "interval": "1m",
            "name": scene.about,
            "input_series": [
                {"series": name, "values": values} for name, values in scene.series.items()
            ],
            "alert_rule_test": scene.told(expected),
        }
        for scene in scenes
    ]
    file = folder / "tests.yml"
    told = {"rule_files": [written(list(rules.values()), folder).name], "tests": tests}
    file.write_text(yaml.safe_dump({**told, "evaluation_interval": "1m"}))
    done = subprocess.run(
        ["promtool", "test", "rules", file.name],
        cwd=folder, check=False, capture_output=True, text=True,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr
