"""`scaffold options`: what can be chosen, and why."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from conftest import TEMPLATE, Scaffold


def test_it_lists_every_axis_and_option_with_its_reason(scaffold: Scaffold) -> None:
    shown = " ".join(scaffold("options").stdout.split())
    for axis, options in TEMPLATE.catalog.axes.items():
        assert f"{axis}: " in shown
        for option in options:
            assert f"{option.id} {option.label}: {option.why}" in shown


def test_it_lists_one_axis(scaffold: Scaffold) -> None:
    done = scaffold("options", "ci", COLUMNS="100")
    assert done.stdout.splitlines()[0] == "ci: Where do the pipelines run?"
    assert "Where does it run?" not in done.stdout


def test_json_has_the_rows(scaffold: Scaffold) -> None:
    (axis,) = json.loads(scaffold("options", "hosting", "--json").stdout)["axes"]
    assert axis["id"] == "hosting"
    fly = next(option for option in axis["options"] if option["id"] == "fly")
    assert fly["secrets"] == ["FLY_API_TOKEN"]


def test_a_host_is_for_the_stacks_that_have_what_it_runs(scaffold: Scaffold) -> None:
    shown = " ".join(scaffold("options", "hosting").stdout.split())
    assert "one app for each environment (stack: node, python, fullstack)" in shown
    (axis,) = json.loads(scaffold("options", "hosting", "--json").stdout)["axes"]
    stacks = {option["id"]: option["needs"]["stack"] for option in axis["options"]}
    assert stacks["render"] == ["node", "python", "fullstack"]
    assert stacks["netlify"] == ["static"]


def test_a_stack_has_what_its_traits_say_before_what_it_says_itself(scaffold: Scaffold) -> None:
    (axis,) = json.loads(scaffold("options", "stack", "--json").stdout)["axes"]
    rows = {option["id"]: option for option in axis["options"]}
    assert rows["fullstack"]["traits"] == ["npm", "fastify", "image"]
    own = ["/web/", "/dev.ts", "/vite.config.ts"]
    shared = [
        line for line in rows["node"]["application"] if line in rows["fullstack"]["application"]
    ]
    assert rows["fullstack"]["application"] == [*shared, *own]
    assert ".dockerignore" in rows["python"]["unless"]
    assert "/.npmrc" not in rows["python"]["application"]


@pytest.mark.parametrize("command", [["--version"], ["--help"], ["options"], ["new", "--help"]])
def test_commands_that_do_not_render_import_neither_copier_nor_questionary(
    command: list[str],
) -> None:
    script = (
        "import sys\n"
        f"sys.argv = ['scaffold', *{command!r}]\n"
        "from scaffold.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "assert not {'copier', 'questionary', 'prompt_toolkit'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
