"""What it takes to ask whether a feature is on: through OpenFeature's client, as routes do.

A project of each API stack is generated and installed, and asks for a flag that has a rule, with
the context of a request. Beside it is flagd's evaluator called without the client.

    python benchmarks/flags.py [CALLS]

Prints microseconds by the clock, of CALLS (20,000) calls: the median and the 99th of a hundred.
Exits 1 if the median of either language is beyond its limit.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

#: Microseconds that the median may be.
LIMIT = 15.0

NODE = """\
import { FlagdCore } from "@openfeature/flagd-core";
import { readFileSync } from "node:fs";
import { buildApp } from "./dist/app.js";
import { readConfig } from "./dist/config.js";

const calls = Number(process.argv[1]);
const app = buildApp(readConfig({ APP_ENV: "sandbox", LOG_LEVEL: "error" }));
await app.ready();
const evaluator = new FlagdCore();
evaluator.setConfigurations(readFileSync("flags.json", "utf8"));
const asked = { targetingKey: "203.0.113.9", path: "/notes/1/preview" };
const all = { ...asked, environment: "sandbox" };

async function timed(ask) {
  const took = [];
  for (let call = 0; call < calls * 1.5; call += 1) {
    const begun = process.hrtime.bigint();
    const on = await ask();
    const ended = process.hrtime.bigint();
    if (!on) throw new Error("it is off");
    if (call >= calls / 2) took.push(Number(ended - begun) / 1000);
  }
  took.sort((a, b) => a - b);
  return [took[Math.floor(calls / 2)], took[Math.floor(calls * 0.99)]];
}

const client = await timed(() => app.flags.getBooleanValue("notes-preview", false, { ...asked }));
const bare = await timed(
  () => evaluator.resolveBooleanEvaluation("notes-preview", false, all).value,
);
console.log(JSON.stringify({ client, bare }));
await app.close();
"""

PYTHON = """\
import json
import os
import sys
import time
from pathlib import Path

os.environ |= {"APP_ENV": "sandbox", "LOG_LEVEL": "error"}

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

from app.config import read_config
from app.main import create_app

calls = int(sys.argv[1])
client = create_app(read_config()).state.flags.client
evaluator = FlagdCore()
evaluator.set_flags(Path("flags.json").read_text())
everything = {"path": "/notes/1/preview", "environment": "sandbox"}


def asked():
    about = EvaluationContext("203.0.113.9", {"path": "/notes/1/preview"})
    return client.get_boolean_value("notes-preview", False, about)


def bare():
    about = EvaluationContext("203.0.113.9", everything)
    return evaluator.resolve_boolean_value("notes-preview", False, about).value


def timed(ask):
    took = []
    for call in range(calls * 3 // 2):
        begun = time.perf_counter_ns()
        on = ask()
        ended = time.perf_counter_ns()
        assert on
        if call >= calls // 2:
            took.append((ended - begun) / 1000)
    took.sort()
    return took[calls // 2], took[calls * 99 // 100]


print(json.dumps({"client": timed(asked), "bare": timed(bare)}))
"""


def main(calls: int) -> int:
    """Measure both."""
    ok = True
    print(f"{'microseconds':14}{'client':>16}{'evaluator alone':>20}")
    with tempfile.TemporaryDirectory() as folder:
        for stack in ("node", "python"):
            project = Path(folder) / f"{stack}-service"
            new = ("new", str(project), "--defaults", "--no-git", "-d", f"stack={stack}")
            _run(Path(folder), sys.executable, "-m", "scaffold", *new)
            _run(project, "ops/setup")
            _run(project, "ops/build")
            if stack == "node":
                how = ["node", "--input-type=module", "--eval", NODE]
            else:
                how = [".venv/bin/python", "-c", PYTHON]
            found = json.loads(_run(project, *how, str(calls)).splitlines()[-1])
            shown = [f"{each[0]:.1f} (p99 {each[1]:.1f})" for each in found.values()]
            print(f"{stack:14}{shown[0]:>16}{shown[1]:>20}")
            ok &= found["client"][0] <= LIMIT
    return int(not ok)


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[:3]}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
