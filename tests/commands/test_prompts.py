"""What a person at a terminal sees and answers."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pexpect
import pytest
import yaml
from conftest import TEMPLATE, Terminal

DOWN = "\x1b[B"


def answers(project: Path) -> dict[str, str]:
    found: dict[str, str] = yaml.safe_load((project / ".copier-answers.yml").read_text())
    return found


def test_the_short_path_asks_three_things_shows_the_tree_and_creates(
    terminal: Terminal, tmp_path: Path
) -> None:
    screen = terminal("new", "my-service", "--no-lock")
    screen.expect("What is it built with?")
    screen.expect("Node: a TypeScript API")  # every choice says why
    screen.send("\r")
    screen.expect("Where do the pipelines run?")
    screen.send(DOWN + "\r")
    screen.expect("Where does it run?")
    screen.send("\r")
    named = "description, owner, scan, secrets and 7 more"
    screen.expect(rf"Customise the rest \({named}\)\?")
    screen.send("\r")
    screen.expect("my-service/")
    screen.expect("Dockerfile")
    assert not (tmp_path / "my-service").exists()
    screen.expect("Create it?")
    screen.send("\r")
    screen.expect("Created my-service")
    screen.expect(pexpect.EOF)
    assert screen.wait() == 0
    found = answers(tmp_path / "my-service")
    assert found["ci"] == "gitlab"
    assert found["license"] == "proprietary"


@pytest.mark.slow
def test_the_rest_can_be_customised(terminal: Terminal, tmp_path: Path) -> None:
    screen = terminal("new", "my-service", "--no-lock", "-d", "stack=node", "-d", "ci=github")
    screen.expect("Where does it run?")
    screen.send("\r")
    screen.expect("Customise the rest")
    screen.send("y")
    screen.expect("What does it do")
    screen.send("\x15Takes payments\r")  # Ctrl-U clears the default
    screen.expect("owns it")
    screen.send("\x15\r")  # an empty owner is refused there and then
    screen.expect("[Uu]se 1 to 100 characters")
    screen.send("Team Blue\r")
    screen.expect("What looks for known vulnerabilities")
    screen.send("\r")
    screen.expect("Where are the settings of the service kept")
    screen.send(DOWN + "\r")
    screen.expect("Where does it keep its data")
    screen.send(DOWN + "\r")
    for question in ("asks from outside", "metrics go", "logs go", "errors", "hears of incidents"):
        screen.expect(question)
        screen.send("\r")
    screen.expect("Under which licence")
    screen.send(DOWN + "\r")
    screen.expect("Create it?")
    screen.send("\r")
    screen.expect(pexpect.EOF)
    found = answers(tmp_path / "my-service")
    assert found["description"] == "Takes payments"
    assert found["owner"] == "Team Blue"
    assert found["secrets"] == "doppler"
    assert found["database"] == "supabase"
    assert found["license"] == "mit"


def test_what_is_given_is_not_asked(terminal: Terminal) -> None:
    screen = terminal(
        "new", "my-service", "--no-lock", "-d", "stack=node", "-d", "ci=github", "-d",
        "hosting=fly", "-d", "owner=Us", "-d", "scan=osv", "-d", "secrets=dotenv",
        "-d", "database=none", "-d", "license=mit", "-d", "description=Ours",
        "-d", "uptime=none", "-d", "performance=none", "-d", "logs=none", "-d", "errors=none",
        "-d", "incidents=none",
    )  # fmt: skip
    screen.expect("Create it?")
    assert "What is it built with" not in str(screen.before)
    assert "Customise" not in str(screen.before)


@pytest.mark.parametrize("option", ["--defaults", "--json"])
def test_it_can_be_told_to_ask_nothing(terminal: Terminal, option: str) -> None:
    screen = terminal("new", "my-service", "--no-lock", option)
    screen.expect(pexpect.EOF)
    assert screen.wait() == 0
    assert "?" not in str(screen.before)


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param([], id="at once"),
        pytest.param(["\r"], id="in the middle", marks=pytest.mark.slow),
        pytest.param(["\r", "\r", "\r"], id="before the rest", marks=pytest.mark.slow),
        pytest.param(["\r", "\r", "\r", "\r"], id="before writing"),
    ],
)
def test_ctrl_c_leaves_nothing_behind(terminal: Terminal, tmp_path: Path, keys: list[str]) -> None:
    screen = terminal("new", "my-service", "--no-lock")
    questions = ["built with", "pipelines run", "does it run", "Customise", "Create it"]
    for question, key in zip(questions, keys, strict=False):
        screen.expect(question)
        screen.send(key)
    screen.expect(questions[len(keys)])
    screen.send("\x03")
    screen.expect("Left; nothing was written.")
    screen.expect(pexpect.EOF)
    assert screen.wait() == 130
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def slow_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a stand-in for npm that takes a second to resolve."""
    (tmp_path / "bin").mkdir()
    npm = tmp_path / "bin/npm"
    npm.write_text(
        '#!/bin/sh\nfor at; do :; done\n[ "$1" = install ] || exit 0\n'
        "sleep 1\necho '{}' >\"$at/package-lock.json\"\n"
    )
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}:{os.environ['PATH']}")


@pytest.mark.usefixtures("slow_npm")
def test_making_the_lock_file_shows_that_it_takes_its_time(terminal: Terminal) -> None:
    screen = terminal("new", "my-service", "--defaults")
    screen.expect("Resolving dependencies with npm")
    screen.expect("Created my-service .*a lock file, a first commit")


@pytest.mark.usefixtures("slow_npm")
def test_ctrl_c_skips_the_lock_file(terminal: Terminal) -> None:
    screen = terminal("new", "my-service", "--defaults")
    screen.expect(r"Resolving dependencies with npm \(Ctrl-C skips it\)")
    screen.send("\x03")
    screen.expect("Note: npm was stopped, so there is no package-lock.json yet.")
    screen.expect("Run ops/setup in the project once npm works; it makes package-lock.json.")
    screen.expect("Created my-service .*: [0-9]+ files, a first commit")


def test_what_is_wrong_already_is_said_before_anything_is_asked(terminal: Terminal) -> None:
    screen = terminal("new", "my-service", "-d", "license=zzz")
    screen.expect("'zzz' is no choice for 'license'")
    assert "built with" not in str(screen.before)


def test_every_choice_fits_on_a_line_with_its_reason() -> None:
    for option in TEMPLATE.catalog.options:
        line = f" » {option.label}: {option.why}"
        assert len(line) <= 80, line


def test_no_to_the_last_question_leaves_nothing_behind(terminal: Terminal, tmp_path: Path) -> None:
    screen = terminal("new", "my-service", "--no-lock")
    for question in ("built with", "pipelines run", "does it run", "Customise"):
        screen.expect(question)
        screen.send("\r")
    screen.expect("Create it?")
    screen.send("n")
    screen.expect("Left; nothing was written.")
    assert list(tmp_path.iterdir()) == []


def test_a_choice_that_does_not_fit_is_greyed_out_with_the_reason(terminal: Terminal) -> None:
    screen = terminal("new", "my-service", "-d", "ci=github")
    screen.expect("What is it built with?")
    screen.send("\x1b[A\r")  # up, from the first to the last
    screen.expect("Where does it run?")
    screen.expect(r"- Fly.io \(Fly.io needs node or python or fullstack as stack, not static\)")
    screen.expect(r"» \S*Vercel")


@pytest.mark.slow
def test_the_tree_shows_everything_that_is_written(terminal: Terminal, tmp_path: Path) -> None:
    screen = terminal("new", "my-service", "--no-lock", "--no-git")
    for question in ("built with", "pipelines run", "does it run", "Customise"):
        screen.expect(question)
        screen.send("\r")
    screen.expect("Create it?")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", str(screen.before))
    screen.send("\r")
    screen.expect(pexpect.EOF)
    for path in (tmp_path / "my-service").iterdir():
        assert (f"── {path.name}/ " if path.is_dir() else f"── {path.name}\r") in shown
    assert re.search(r"ops/  \d+ files", shown)
