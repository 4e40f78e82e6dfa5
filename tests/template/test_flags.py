"""What a project's flags.json is held to, and what ops/flag says of it."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from conftest import ROOT, TEMPLATE, Call, Render, answering, rendered, vendors_file
from process import engine_of
from referencing import Registry, Resource

ENGINE = engine_of(("stack", "node"), ("ci", "github"), ("hosting", "fly"))
TODAY = date(2027, 3, 31)
FLAG: dict[str, Any] = {
    "state": "ENABLED",
    "variants": {"on": True, "off": False},
    "defaultVariant": "off",
    "targeting": {"if": [{"in": [{"var": "environment"}, ["local"]]}, "on"]},
    "metadata": {"owner": "Team Blue", "expires": "2027-03-31"},
}

WAY_OUT = "Team Blue takes it out of the code and of flags.json, or gives it another day"

Change = Callable[[dict[str, Any]], object]


def schema() -> jsonschema.Draft7Validator:
    """Give flagd's own description of flags."""
    rules, targeting = (
        json.loads(vendors_file(f"specs/flagd-{name}.json").read_text("utf-8"))
        for name in ("flags", "targeting")
    )
    # What stands beside a $ref does not count in this draft: the $id neither.
    known = Resource.from_contents(targeting)
    registry: Any = Registry().with_resource("./targeting.json", known)
    return jsonschema.Draft7Validator(rules, registry=registry)


@pytest.mark.parametrize("stack", ["node", "python", "fullstack"])
def test_a_new_project_has_flags_in_order_on_any_day(stack: str) -> None:
    """Nobody looked at them yet: no day that we chose may turn its pipelines red."""
    owner = 'The "best" team\\'
    files = rendered(("stack", stack), ("owner", owner))
    [text] = [file.content.decode() for file in files if str(file.path) == "flags.json"]
    schema().validate(json.loads(text))
    flags = ENGINE.flags.parse(text, "flags.json")
    assert [flag["metadata"]["owner"] for flag in flags.values()] == [owner]
    assert ENGINE.flags.problems(flags, date.max) == []


def test_a_flag_is_in_order_until_its_day_is_over() -> None:
    schema().validate({"flags": {"a": FLAG}})
    assert ENGINE.flags.problems({"a": FLAG}, TODAY) == []
    assert ENGINE.flags.problems({"a": FLAG}, date(2027, 4, 1)) == [
        f"a: it expired on 2027-03-31: {WAY_OUT}",
    ]


@pytest.mark.parametrize(
    ("problem", "change"),
    [
        ("its metadata has no owner", lambda it: it["metadata"].pop("owner")),
        ("its metadata has no owner", lambda it: it["metadata"].update(owner=" ")),
        ("its metadata does not say when it expires", lambda it: it.pop("metadata")),
        ("its metadata does not say when", lambda it: it["metadata"].pop("expires")),
        ("does not say when", lambda it: it["metadata"].update(expires="soon")),
        ("which is no day", lambda it: it["metadata"].update(expires="2027-02-30")),
        ('say why, as "because"', lambda it: it["metadata"].update(expires="never")),
        ("its state is neither", lambda it: it.update(state="ON")),
        ("it has no variants", lambda it: it.update(variants={})),
        ("of several types", lambda it: it["variants"].update(on="yes")),
        ("none of its variants", lambda it: it.update(defaultVariant="no")),
        ("its targeting is no object", lambda it: it.update(targeting="on")),
        ("no operator 'iff'", lambda it: it.update(targeting={"iff": [True, "on"]})),
    ],
)
def test_what_is_not_in_order_is_named(problem: str, change: Change) -> None:
    flag = copy.deepcopy(FLAG)
    change(flag)
    said = ENGINE.flags.problems({"good": FLAG, "bad": flag}, TODAY)
    assert said
    assert all(line.startswith("bad: ") for line in said)
    assert any(problem in line for line in said), said


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it.update(state="ON"),
        lambda it: it.update(variants={}),
        lambda it: it["variants"].update(on="yes"),
        lambda it: it.update(targeting="on"),
        lambda it: it.update(targeting={"iff": [True, "on"]}),
    ],
)
def test_what_flagd_does_not_take_is_not_in_order(change: Change) -> None:
    flag = copy.deepcopy(FLAG)
    change(flag)
    assert not schema().is_valid({"flags": {"a": flag}})
    assert ENGINE.flags.problems({"a": flag}, TODAY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("[]", 'no object "flags"'),
        ('{"flags": []}', 'no object "flags"'),
        ('{"flags": {"a": true}}', "a is no object"),
        ('{"flags": {"a": {}, "a": {}}}', "it has a twice"),
    ],
)
def test_what_is_no_file_of_flags_is_told(text: str, said: str) -> None:
    with pytest.raises(ENGINE.errors.Failure, match=f"^flags.json is not valid: .*{said}"):
        ENGINE.flags.parse(text, "flags.json")


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a task."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(project)}
    return subprocess.run(
        command, cwd=project, env=environment, check=False, capture_output=True, text=True
    )


def test_the_tests_of_a_project_begin_with_its_flags(render: Render) -> None:
    project = render(stack="node")
    (project / "ops/lib/stack.sh").write_text("stack_check() { :; }; stack_test() { exit 7; }\n")
    assert run(project, "ops/test").returncode == 7, "what is in order is no obstacle"
    late = copy.deepcopy(FLAG)
    late["metadata"]["expires"] = "2020-01-01"
    (project / "flags.json").write_text(json.dumps({"flags": {"old-thing": late}}))
    done = run(project, "ops/test")
    assert done.returncode == 1
    assert "flag: old-thing: it expired on 2020-01-01: Team Blue takes it out" in done.stderr
    (project / "flags.json").write_text("{")
    done = run(project, "ops/test")
    assert (done.returncode, "flags.json is not valid" in done.stderr) == (1, True)


def test_flags_are_listed_and_it_is_said_how_one_is_switched(render: Render) -> None:
    project = render(stack="node", owner="Team Blue")
    (project / ".env.live").write_text("")
    done = run(project, "ops/flag", "live")
    assert done.returncode == 0, done.stderr
    assert [line.split("  ")[0] for line in done.stdout.splitlines()] == ["FLAG", "notes-preview"]
    assert done.stdout.splitlines()[1].split() == [
        "notes-preview", "off,", "targeted", "Team", "Blue", "never", "flags.json",
    ]  # fmt: skip
    how = "a switch is a change of flags.json, then ops/deploy live"
    assert done.stderr == f"flag: {how}\n"
    done = run(project, "ops/flag", "live", "notes-preview", "off")
    assert done.returncode == 1
    assert done.stderr == f"flag: notes-preview is not switched off from here: {how}\n"
    done = run(project, "ops/flag", "live", "nothing", "off")
    assert done.returncode == 2
    assert done.stderr.startswith("flag: no flag 'nothing': notes-preview\n")


def test_flags_that_are_served_are_listed_too(render: Render) -> None:
    project = render(stack="node")
    answers: list[tuple[int, bytes]] = [(200, json.dumps({"flags": {"served": FLAG}}).encode())]

    def answer(_call: Call) -> tuple[int, bytes]:
        return answers[0]

    with answering(answer) as url:
        (project / ".env.live").write_text(f"FLAGS_URL={url}/flags.json?token=s3cret\n")
        done = run(project, "ops/flag", "live")
        assert done.returncode == 0, done.stderr
        rows = {line.split()[0]: line.split()[-1] for line in done.stdout.splitlines()[1:]}
        assert rows == {"notes-preview": "flags.json", "served": "FLAGS_URL"}
        assert "where its FLAGS_URL is served" in done.stderr
        answers[0] = (503, b"")
        done = run(project, "ops/flag", "live")
        assert (done.returncode, done.stdout) == (1, "")
        assert "FLAGS_URL cannot be read" in done.stderr
    assert "s3cret" not in done.stderr


PAGE = ROOT / "docs/how-to/put-a-feature-behind-a-flag.md"
#: From there on it is about projects with one; tests/databases/test_switches.py runs that.
DATABASE = "\n## In the database\n"


def test_the_page_on_flags_is_run_as_it_stands(render: Render) -> None:
    page = PAGE.read_text("utf-8").partition(DATABASE)[0]
    commands = "".join(re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    project = render(stack="node")
    done = run(project, "sh", "-euc", commands)
    assert done.returncode == 0, done.stderr
    schema().validate(json.loads((project / "flags.json").read_text()))
    assert done.stderr.startswith("flag: flags.json is in order, 1 flag\n")
    assert done.stdout.splitlines()[1].split() == [
        "orders-export", "on,", "targeted", "@acme/orders", "2099-12-31", "flags.json",
    ]  # fmt: skip


@pytest.mark.parametrize("engine", ["postgres", "mysql"])
def test_the_page_has_the_table_for_projects_from_before_it(engine: str) -> None:
    folder = TEMPLATE.files_root / f"{{{{ use.trait.{engine} }}}}/db/migrations"
    [migration] = folder.glob("*_create_flag_switches.sql")
    _, begin, statements = migration.read_text("utf-8").partition("-- migrate:up")
    section = PAGE.read_text("utf-8").partition(DATABASE)[2]
    assert f"```sql\n{begin}{statements}```" in section
