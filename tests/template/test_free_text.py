"""Whatever somebody writes in a description or an owner stays text in every file it reaches."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import TEMPLATE, combinations_of, rendered, sampled, with_something_new
from dialects import Yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from test_quote import HOSTILE, HOSTILE_LINES, LINE, TEXT

from scaffold.errors import UsageError
from scaffold.template.questions import Question

DESCRIPTIONS = TEXT.filter(str.strip)
OWNERS = LINE.filter(str.strip)
#: One in each language.
QUICK = [("python", "render"), ("static", "netlify")]
#: Every host and every stack; by night every host with every stack that it runs.
ALL = combinations_of("stack", "hosting")
PAIRS = [
    *QUICK,
    *sampled(
        [pair for row in ALL if (pair := tuple(row.values())) not in QUICK],
        *(tuple(row.values()) for row in with_something_new(ALL)),
        others=pytest.mark.nightly,
    ),
]


def project(**answers: str) -> dict[str, str]:
    """Render a project in memory: path to text."""
    files = rendered(*answers.items())
    return {file.path.as_posix(): file.content.decode() for file in files}


def question(name: str) -> Question:
    context = {"project_name": "my-service"}
    return Question(name, TEMPLATE.questions[name], TEMPLATE.environment, context)


@pytest.mark.slow
@pytest.mark.parametrize(("stack", "hosting"), PAIRS)
@settings(max_examples=20)
@given(description=DESCRIPTIONS, owner=OWNERS)
def test_it_is_the_same_text_in_every_file_it_reaches(
    stack: str, hosting: str, description: str, owner: str
) -> None:
    plain = project(stack=stack, hosting=hosting)
    files = project(stack=stack, hosting=hosting, description=description, owner=owner)
    reached = {path for path in files if files[path] != plain[path]}

    if "package.json" in files:
        manifest = json.loads(files["package.json"])
        assert (manifest["description"], manifest["author"]) == (description, owner)
    else:
        manifest = tomllib.loads(files["pyproject.toml"])["project"]
        assert (manifest["description"], manifest["authors"]) == (description, [{"name": owner}])
    answers = yaml.safe_load(files[".copier-answers.yml"])
    assert (answers["description"], answers["owner"]) == (description, owner)
    assert description.strip() in files["README.md"]
    assert f"Copyright (c) {owner}\n" in files["LICENSE"]
    if "flags.json" in files:
        (flag,) = json.loads(files["flags.json"])["flags"].values()
        assert flag["metadata"]["owner"] == owner.strip()
    assert reached <= {
        "package.json", "pyproject.toml", ".copier-answers.yml", "README.md", "LICENSE",
        "flags.json",
        # These have tests of their own below, and in test_quote.py.
        "src/service.ts", "ops/help", "Dockerfile", "CODEOWNERS",
    }  # fmt: skip
    for path, text in files.items():
        if path.endswith((".yml", ".yaml")):
            yaml.load(text, Yaml)  # noqa: S506 (a safe one)
        elif path.endswith(".toml"):
            tomllib.loads(text)


@pytest.mark.parametrize("description", HOSTILE)
def test_typescript_and_shell_say_it_as_it_is(description: str, tmp_path: Path) -> None:
    files = project(description=description)
    (tmp_path / "service.ts").write_text(files["src/service.ts"])
    shown = subprocess.run(
        ["node", "--input-type=module", "--eval",
         "import { service } from './service.ts'; console.log(JSON.stringify(service))"],
        cwd=tmp_path, check=True, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert json.loads(shown.stdout) == {"name": "my-service", "description": description}
    for path, text in files.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    said = subprocess.check_output(["sh", "ops/help"], cwd=tmp_path, encoding="utf-8")
    assert description in said


@pytest.mark.parametrize("owner", HOSTILE_LINES)
def test_a_dockerfile_keeps_its_instructions(owner: str) -> None:
    dockerfile = project(owner=owner[:100])["Dockerfile"]
    instructions = [line.split()[0] for line in dockerfile.splitlines() if line[:1].isupper()]
    plain = project()["Dockerfile"]
    assert instructions == [line.split()[0] for line in plain.splitlines() if line[:1].isupper()]


@pytest.mark.parametrize("owner", HOSTILE_LINES)
def test_an_owner_without_an_account_is_not_in_codeowners(owner: str) -> None:
    assert project(owner=owner[:100])["CODEOWNERS"] == project()["CODEOWNERS"]


@pytest.mark.slow
@settings(max_examples=30)
@given(owner=OWNERS | st.from_regex(r"@[a-z/. #*\[\]@-]{1,20}", fullmatch=True).filter(str.strip))
def test_whatever_an_owner_is_called_codeowners_has_one_rule_at_most(owner: str) -> None:
    lines = project(owner=owner)["CODEOWNERS"].splitlines()
    rules = [line for line in lines if not line.startswith("# ")]
    assert rules in ([], [f"* {owner.strip()}"])
    assert all(re.fullmatch(r"\* [A-Za-z0-9@/_.+-]+", rule) for rule in rules)


@given(DESCRIPTIONS)
def test_a_description_may_be_any_text_without_control_characters(text: str) -> None:
    assert question("description").parse(text) == text


@pytest.mark.parametrize("character", ["\0", "\r", "\x1b", "\x7f", "\x85", "\u2028", "\ufeff"])
@pytest.mark.parametrize("name", ["description", "owner"])
def test_a_control_character_is_refused(name: str, character: str) -> None:
    with pytest.raises(UsageError, match=name):
        question(name).parse(f"a{character}b")
