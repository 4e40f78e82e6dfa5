"""Each alert holds when it should and only then, as Debian's Prometheus reads its rule."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from evaluated import played, rules_of, written
from scenes import LOOP, scenes

#: Those that only somebody outside can tell of.
OUTSIDE = {"unreachable", "certificate"}


@pytest.mark.parametrize("stack", LOOP)
@pytest.mark.parametrize("env", ["local", "sandbox", "testbed", "live"])
def test_prometheus_takes_the_rules(stack: str, env: str, tmp_path: Path) -> None:
    file = written(list(rules_of(stack, env).values()), tmp_path)
    done = subprocess.run(
        ["promtool", "check", "rules", file], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("stack", LOOP)
@pytest.mark.slow
def test_an_alert_holds_when_it_should_and_only_then(stack: str, tmp_path: Path) -> None:
    rules = rules_of(stack)
    assert played(rules, scenes(stack), tmp_path) == ""


@pytest.mark.parametrize("stack", LOOP)
def test_of_each_alert_both_is_shown(stack: str) -> None:
    shown = scenes(stack)
    for alert in rules_of(stack):
        assert any(alert in scene.fires for scene in shown), f"{alert} never holds"
        assert any(alert not in scene.fires for scene in shown), f"{alert} always holds"
