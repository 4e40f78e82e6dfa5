import re

import pytest

from app.config import Config, read_config
from tests.conftest import SetEnvironment
from tests.fixtures.environment import REQUIRED, ROOT, variables

EXAMPLE = (ROOT / ".env.example").read_text("utf-8")


def documentation(name: str) -> str:
    return next(block for block in EXAMPLE.split("\n\n") if f"\n{name}=" in block)


def test_the_example_documents_exactly_the_variables_of_the_service() -> None:
    assert sorted(variables(".env.example")) == sorted(Config.model_fields)


def test_the_readme_names_variables_of_the_service_alone() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    told = re.findall(r"^\| variable .*\n((?:\|.*\n)*)", readme, re.MULTILINE)
    assert set(re.findall(r"^\| `(\w+)`", "".join(told), re.MULTILINE)) <= set(Config.model_fields)


def test_the_example_shows_the_defaults(environment: SetEnvironment) -> None:
    environment()
    defaults = read_config()
    environment(**variables(".env.example") | REQUIRED)
    assert read_config() == defaults


@pytest.mark.parametrize("name", Config.model_fields)
def test_the_example_describes(name: str) -> None:
    field = Config.model_fields[name]
    default = "none, required" if field.is_required() else field.default
    block = documentation(name)
    assert re.search(r"^# Type: \S", block, re.MULTILINE)
    assert f"\n# Default: {default or 'none' if default != 0 else 0}" in block
    assert re.search(r"^# Set in: \S", block, re.MULTILINE)


@pytest.mark.parametrize("name", ["local", "sandbox", "testbed", "live"])
def test_the_example_of_an_environment_is_valid(environment: SetEnvironment, name: str) -> None:
    example = variables(f".env.{name}.example")
    environment(**example)
    assert name == read_config().APP_ENV
    for variable in example:
        assert re.search(rf"^# Set in: .*\b{name}\b", documentation(variable), re.MULTILINE)
