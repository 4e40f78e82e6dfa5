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
    assert "hosting" not in done.stdout


def test_json_has_the_rows(scaffold: Scaffold) -> None:
    (axis,) = json.loads(scaffold("options", "hosting", "--json").stdout)["axes"]
    assert axis["id"] == "hosting"
    fly = next(option for option in axis["options"] if option["id"] == "fly")
    assert fly["secrets"] == ["FLY_API_TOKEN"]


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
