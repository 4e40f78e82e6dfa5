"""A command with the settings of an environment: it has those, and no other's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Render

PRINTS = "import json, os; print(json.dumps(dict(os.environ)))"
OWN = "\n# A key.\n# Type: string\n# Secret: yes\n# Default: none\n# Set in: none\nAPI_KEY=\n"
Done = subprocess.CompletedProcess[str]


@pytest.fixture
def project(render: Render) -> Path:
    """A project with settings for two environments."""
    made = render(stack="node", ci="github", hosting="fly")
    with (made / ".env.example").open("a") as file:
        file.write(OWN)
    (made / ".env.live").write_text(
        "API_KEY='of live'\nMAX_CONNECTIONS=7\nSETTINGS_KEY=" + "k" * 32
    )
    (made / ".env.local").write_text("APP_ENV=local\nAPI_KEY='of this machine'\n")
    return made


def run(project: Path, *arguments: str, **variables: str) -> Done:
    """Run it from elsewhere."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(project), **variables}
    return subprocess.run(
        [str(project / "ops/with-env"), *arguments],
        cwd="/", env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip


def environ(done: Done) -> dict[str, str]:
    """Give the environment that a command had."""
    assert done.returncode == 0, done.stderr
    told: dict[str, str] = json.loads(done.stdout)
    return told


def test_a_command_has_the_settings_of_the_environment(project: Path) -> None:
    told = environ(run(project, "live", "--", sys.executable, "-c", PRINTS))
    assert told["API_KEY"] == "of live"
    assert told["MAX_CONNECTIONS"] == "7"
    assert told["APP_ENV"] == "live"
    assert told["PWD"] == str(project)
    assert "SETTINGS_KEY" not in told


def test_and_no_other_settings_even_if_this_shell_has_them(project: Path) -> None:
    mixed = {"MAX_BODY_BYTES": "1", "API_KEY": "of a shell", "DOTENV": "X=1", "EDITOR": "vi"}
    told = environ(run(project, "live", "--", sys.executable, "-c", PRINTS, **mixed))
    assert told["API_KEY"] == "of live"
    assert "MAX_BODY_BYTES" not in told
    assert "DOTENV" not in told
    assert told["EDITOR"] == "vi"


def test_a_machine_has_settings_of_its_own(project: Path) -> None:
    told = environ(run(project, "local", "--", sys.executable, "-c", PRINTS))
    assert (told["APP_ENV"], told["API_KEY"]) == ("local", "of this machine")


def test_it_ends_as_the_command_does(project: Path) -> None:
    assert run(project, "live", "--", "sh", "-c", "exit 7").returncode == 7
    assert run(project, "live", "--", "sh", "-c", "kill -TERM $$").returncode == -15


def test_what_follows_is_the_commands_own(project: Path) -> None:
    done = run(project, "live", "--", "echo", "--help", "--", "-h")
    assert (done.returncode, done.stdout) == (0, "--help -- -h\n")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("live",), 2, "with-env: name an environment and, after --, a command"),
        (("live", "--"), 2, "with-env: name an environment and, after --, a command"),
        (("staging", "--", "true"), 2, "with-env: no environment 'staging': local, sandbox"),
        (("testbed", "--", "true"), 1, "does not have the settings of testbed: there is no .env.t"),
        (("live", "--", "no-such-command"), 127, "with-env: no-such-command: No such file"),
        (("live", "--", "./README.md"), 126, "with-env: ./README.md: Permission denied"),
    ],
)
def test_what_cannot_run_says_why(
    project: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    done = run(project, *arguments)
    assert done.returncode == code
    assert says in done.stderr


def test_a_file_that_somebody_names_is_taken_in_its_place(project: Path) -> None:
    (project / "other.env").write_text("API_KEY=other\n")
    done = run(project, "live", "--", sys.executable, "-c", PRINTS, SETTINGS_FILE="other.env")
    assert environ(done)["API_KEY"] == "other"
    assert "the settings of live are those of other.env, not of .env.live" in done.stderr


def test_a_file_wants_nothing_that_opens_another_place(render: Render) -> None:
    project = render(stack="node", ci="github", hosting="fly", secrets="doppler")
    (project / "other.env").write_text("MAX_CONNECTIONS=7\n")
    print_it = (sys.executable, "-c", PRINTS)
    assert run(project, "live", "--", *print_it).returncode == 2
    told = environ(run(project, "live", "--", *print_it, SETTINGS_FILE="other.env"))
    assert told["MAX_CONNECTIONS"] == "7"
