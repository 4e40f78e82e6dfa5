"""What the standard asks of files, where no other test has looked: src/scaffold/standard.yml."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from conftest import TEMPLATE, Render

from scaffold.template.catalog import Option

BACKENDS = [o.id for o in TEMPLATE.catalog.axis("stack") if "image" in o.row["traits"]]
HOSTS = TEMPLATE.catalog.axis("hosting")


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.id)
def test_testbed_is_set_up_as_live_is(render: Render, host: Option) -> None:
    stack = host.needs["stack"][0]
    # Of the providers of pipelines the one whose own files are not named after environments.
    project = render(stack=stack, ci="bitbucket", hosting=host.id)
    files = [path for path in project.rglob("*testbed*") if path.is_file()]
    assert files
    for testbed in files:
        live = testbed.with_name(testbed.name.replace("testbed", "live"))
        assert testbed.read_text("utf-8").replace("testbed", "live") == live.read_text("utf-8")


def test_so_it_is_in_a_blueprint_of_render(render: Render) -> None:
    text = (render(ci="render", hosting="render") / "render.yaml").read_text("utf-8")
    _, testbed, live = yaml.safe_load(text)["services"]
    assert yaml.safe_dump(testbed).replace("testbed", "live") == yaml.safe_dump(live)


@pytest.mark.parametrize("stack", BACKENDS)
def test_an_image_is_built_in_stages_on_alpine(render: Render, stack: str) -> None:
    bases = re.findall(r"^FROM (\S+)", lines(render(stack=stack) / "Dockerfile"), re.MULTILINE)
    assert len(bases) > 1
    assert all(re.fullmatch(r"(node|python):[\d.]+-alpine", base) for base in bases)


@pytest.mark.parametrize("stack", BACKENDS)
def test_a_build_gets_what_is_named_and_nothing_else(render: Render, stack: str) -> None:
    first, *rest = lines(render(stack=stack) / ".dockerignore").split()
    assert first == "*"
    assert not [rule for rule in rest if rule.startswith(("!.env", "!.git", "!*"))]


@pytest.mark.parametrize(
    ("stack", "hosts"),
    [
        ("static", {"vercel", "netlify"}),
        ("fullstack", {"render", "railway", "digitalocean"}),
        ("node", {"ecs", "heroku", "fly"}),
        ("python", {"ecs", "heroku", "fly"}),
    ],
)
def test_every_use_has_the_hosts_that_the_standard_names(stack: str, hosts: set[str]) -> None:
    assert hosts <= {host.id for host in HOSTS if stack in host.needs["stack"]}


def lines(path: Path) -> str:
    """Read a file without its comments."""
    return re.sub(r"^#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
