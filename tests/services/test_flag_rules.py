"""Rules of flags have the same results in both languages, whose evaluators are two."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from store import Store

from .service import APIS, Project

pytestmark = pytest.mark.slow

EVALUATE = {
    "node": """\
import { readFileSync } from "node:fs";
import { FlagdCore } from "@openfeature/flagd-core";

const { flags, contexts } = JSON.parse(readFileSync(0, "utf8"));
const silent = { error() {}, warn() {}, info() {}, debug() {} };
const evaluator = new FlagdCore(undefined, silent);
evaluator.setConfigurations(JSON.stringify(flags));
const value = (name, context) =>
  evaluator.resolveStringEvaluation(name, "code", context).value;
const all = Object.keys(flags.flags).map((name) => contexts.map((it) => value(name, it)));
console.log(JSON.stringify(all));
""",
    "python": """\
import json
import logging
import sys

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

logging.disable()
told = json.load(sys.stdin)
evaluator = FlagdCore()
evaluator.set_flags(json.dumps(told["flags"]))


def value(name, context):
    more = {key: it for key, it in context.items() if key != "targetingKey"}
    about = EvaluationContext(context.get("targetingKey"), more)
    try:
        return evaluator.resolve_string_value(name, "code", about).value
    except Exception:
        return "code"


print(json.dumps([[value(name, it) for it in told["contexts"]] for name in told["flags"]["flags"]]))
""",
}


def test_both_languages_evaluate_alike(store: Store) -> None:
    """By rules of each kind, for so many clients that one in another part of a fraction shows."""

    def rule(targeting: object, **more: Any) -> dict[str, Any]:
        variants = {"a": "A", "b": "B", "c": "C"}
        return {"state": "ENABLED", "variants": variants, "targeting": targeting, **more}

    email, version = {"var": "email"}, {"var": "version"}
    newer = {"sem_ver": [version, ">=", "1.2.3"]}
    early = {"and": [{"!": {"in": ["7", email]}}, {"starts_with": [email, "u1"]}]}
    given: dict[str, Any] = {
        "static": rule({}, defaultVariant="b"),
        "disabled": rule({}, defaultVariant="b") | {"state": "DISABLED"},
        "code": rule({}),
        "halves": rule({"fractional": [["a", 50], ["b", 50]]}, defaultVariant="c"),
        "parts": rule({"fractional": [{"cat": ["x", email]}, ["a", 1], ["b", 10], ["c", 89]]}),
        "reused": rule({"if": [{"$ref": "ours"}, "a", "b"]}),
        "version": rule({"if": [newer, "a", "b"]}),
        "nested": rule({"if": [early, "a", {"==": [{"var": "n"}, 2]}, "b"]}, defaultVariant="c"),
        "unknown variant": rule({"if": [True, "d"]}, defaultVariant="a"),
        "path": rule({"if": [{"in": [{"var": "path"}, ["/a", "/b"]]}, "a"]}, defaultVariant="b"),
    }
    flags = {"$evaluators": {"ours": {"ends_with": [email, "@example.com"]}}, "flags": given}
    contexts: list[dict[str, Any]] = [
        {
            "targetingKey": f"203.0.113.{number}",
            "email": f"u{number}@example.{'com' if number % 3 else 'org'}",
            "version": f"1.{number % 5}.{number % 7}",
            "n": number % 4,
            "path": "/a" if number % 2 else "/c",
        }
        for number in range(500)
    ]
    contexts += [{}, {"version": "none"}]
    told = json.dumps({"flags": flags, "contexts": contexts})
    found = {}
    for stack in APIS:
        project = Project(stack, store.project(stack))
        how = ["--input-type=module", "--eval"] if stack == "node" else ["-c"]
        done = subprocess.run(
            [project.command[0], *how, EVALUATE[stack]],
            cwd=project.folder, input=told, check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found[stack] = dict(zip(given, json.loads(done.stdout), strict=True))
    assert found["node"] == found["python"]
    assert {len(set(values)) for values in found["node"].values()} >= {1, 2, 3}
