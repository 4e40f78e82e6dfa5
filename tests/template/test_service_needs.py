"""What a row says that the service needs: the cache of docs/how-to/add-an-option.md arrives."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from conftest import TEMPLATE, copy_template, rendered, template_with_cache, tree
from dialects import Yaml

from scaffold.errors import TemplateError
from scaffold.pipeline import read
from scaffold.template.answers import resolve
from scaffold.template.definition import Template
from scaffold.template.renderer import render

APIS = [o.id for o in TEMPLATE.catalog.axis("stack") if "image" in o.row["traits"]]
PROVIDERS = [o.id for o in TEMPLATE.catalog.axis("ci")]
LOCAL, BESIDE = "memcached://localhost:11211", "memcached://cache:11211"

SCHEMA = json.loads((TEMPLATE.root / "template/option.schema.json").read_text("utf-8"))
DEFS = SCHEMA["$defs"]

Files = dict[str, str]
Chosen = Callable[..., Files]


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template_with_cache(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="module")
def chosen(extended: Path) -> Chosen:
    """Give a function that renders a project of the template with the cache."""
    template = Template(extended, "the-template")

    @cache
    def chosen(**answers: str) -> Files:
        found = render(template, resolve(template, answers))
        return {str(file.path): file.content.decode() for file in found}

    return chosen


#: A variable of each kind, and what becomes of it in TypeScript and in Python.
VARIABLES = [
    (
        {"type": "string", "example": "k", "secret": True},
        "V_X: z.string(),",
        "V_X: str",
    ),
    ({"type": "string", "optional": True}, "V_X: z.string().optional(),", 'V_X: str = ""'),
    ({"type": "string", "default": "k"}, 'V_X: z.string().default("k"),', 'V_X: str = "k"'),
    (
        {"type": "enum", "values": ["a.b", "c"], "example": "c"},
        'V_X: oneOf("a.b", "c"),',
        'V_X: Annotated[ Literal["a.b", "c"], _one_of("a.b", "c"), ]',
    ),
    (
        {"type": "url", "schemes": ["mongodb+srv"], "example": "mongodb+srv://db.example.com"},
        r"V_X: z.url({ protocol: /^mongodb\+srv$/,",
        r'V_X: Annotated[ str, _matching(r"mongodb\+srv://\S+",',
    ),
    (
        {"type": "url", "schemes": ["http", "https"], "optional": True},
        "protocol: /^(http|https)$/,",
        r'_matching(r"(http|https)://\S+", "a URL such as http://host"), ] = ""',
    ),
]


@pytest.mark.parametrize(("kind", "typescript", "python"), VARIABLES)
def test_a_variable_of_any_kind_is_one_in_either_language(
    kind: dict[str, Any], typescript: str, python: str
) -> None:
    questions: Any = copy.deepcopy(TEMPLATE.questions)
    [image] = [row for row in questions["traits"]["default"] if row["id"] == "image"]
    image["config"].append(variable := {"name": "V_X", "about": "It.", **kind})
    jsonschema.validate(variable, SCHEMA["properties"]["config"]["items"] | {"$defs": DEFS})
    template = Template(TEMPLATE.root, TEMPLATE.source)
    template.__dict__["questions"] = questions
    for stack, path, code in (
        ("node", "src/config.ts", typescript),
        ("python", "app/config.py", python),
    ):
        made = render(template, resolve(template, {"stack": stack}))
        files = {str(file.path): file.content.decode() for file in made}
        assert code in " ".join(files[path].split())
        assert f"V_X={kind.get('default', kind.get('example', ''))}\n" in files[".env.example"]


@pytest.mark.parametrize(
    "kind",
    [
        {"type": "url", "schemes": ["http"], "default": "http://a"},
        {"type": "header", "default": "x"},
        {"type": "origins", "example": "http://a"},
        {"type": "enum", "values": ["a"], "optional": True},
        {"type": "integer", "minimum": 0, "maximum": 9, "default": "two"},
        {"type": "integer", "minimum": -1, "maximum": 9, "default": 1},
        {"type": "string", "default": 5},
        {"type": "string", "default": "a # b"},
    ],
)
def test_what_no_code_would_follow_is_not_in_a_row(kind: dict[str, Any]) -> None:
    variable = {"name": "V_X", "about": "It.", **kind}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(variable, SCHEMA["properties"]["config"]["items"] | {"$defs": DEFS})


def test_a_package_is_pinned_once_and_one_that_is_not_is_an_error() -> None:
    questions: Any = copy.deepcopy(TEMPLATE.questions)
    [image] = [row for row in questions["traits"]["default"] if row["id"] == "image"]
    image["dependencies"] = {"npm": ["redis"]}
    template = Template(TEMPLATE.root, TEMPLATE.source)
    template.__dict__["questions"] = questions
    with pytest.raises(TemplateError, match="redis"):
        render(template, resolve(template, {}))
    questions["layer_pins"]["default"] += [{"npm": {"redis": "5.0.0"}}, {"npm": {"redis": "5.0.0"}}]
    made = render(template, resolve(template, {}))
    [manifest] = [file.content for file in made if str(file.path) == "package.json"]
    assert json.loads(manifest)["dependencies"]["redis"] == "5.0.0"


def host_of(ci: str) -> dict[str, str]:
    return {
        "ci": ci,
        "hosting": TEMPLATE.catalog.fitting("hosting", {"stack": APIS[0], "ci": ci})[0].id,
    }


def test_it_is_one_folder_and_an_axis_one_question(extended: Path, tmp_path: Path) -> None:
    before, after = tree(copy_template(tmp_path)), tree(extended)
    new = {path for path in after if path not in before}
    assert {path.split("/")[2] for path in new} == {
        "{{ use.cache.none }}",
        "{{ use.cache.memcached }}",
    }
    changed = [path for path in before if after[path] != before[path]]
    assert changed == ["template/questions/axes.yml"]


def test_its_rows_keep_to_the_schema(extended: Path) -> None:
    schema = json.loads((extended / "template/option.schema.json").read_text())
    for row in extended.glob("template/project/{{ use.cache.* }}/_layer/option.yml"):
        jsonschema.validate(yaml.safe_load(row.read_text()), schema)


@pytest.mark.parametrize("ci", PROVIDERS)
@pytest.mark.parametrize("stack", APIS)
def test_without_it_there_is_no_trace(chosen: Chosen, stack: str, ci: str) -> None:
    answers = {"stack": stack, **host_of(ci)}
    found = chosen(**answers)
    plain = {str(file.path): file.content.decode() for file in rendered(*answers.items())}
    assert "\ncache: none\n" in found[".copier-answers.yml"]
    assert {**found, ".copier-answers.yml": ""} == {**plain, ".copier-answers.yml": ""}


@pytest.mark.parametrize("stack", APIS)
def test_its_variable_is_in_the_schema_and_in_every_example(chosen: Chosen, stack: str) -> None:
    files = chosen(stack=stack, cache="memcached")
    schema = files["app/config.py" if stack == "python" else "src/config.ts"]
    assert schema.count("\n    CACHE_URL: " if stack == "python" else "\n  CACHE_URL: ") == 1
    (said,) = [block for block in files[".env.example"].split("\n\n") if "CACHE_URL=" in block]
    assert said.splitlines() == [
        "# Where the cache answers.",
        "# Type: URL such as memcached://cache.example.com:11211",
        "# Secret: yes",
        "# Default: none, required",
        "# Set in: local, sandbox, testbed, live",
        "CACHE_URL=memcached://cache.example.com:11211",
    ]
    assert "All of them are optional" not in files[".env.example"]
    assert f"\nCACHE_URL={LOCAL}\n" in files[".env.local.example"]
    for env in ("sandbox", "testbed", "live"):
        assert "\nCACHE_URL=memcached://cache.example.com:11211\n" in files[f".env.{env}.example"]


@pytest.mark.parametrize("stack", APIS)
def test_the_readme_says_what_it_brought(chosen: Chosen, stack: str) -> None:
    readme = chosen(stack=stack, cache="memcached")["README.md"]
    row = "| `CACHE_URL` | Where the cache answers. | secret | required |"
    assert row in re.sub(" +", " ", readme), "the table is as wide as its widest cells"
    assert "`docker compose up --detach --wait cache`" in readme


def test_a_pipeline_hands_it_over_where_settings_are_kept_with_its_provider(chosen: Chosen) -> None:
    files = chosen(stack="node", cache="memcached", secrets="dotenv")
    told = json.loads(files["ops/project.json"])["settings"]
    assert told == ["CACHE_URL"], "a name that only the pipeline has is one that `check` names"
    for env in ("sandbox", "testbed", "live"):
        workflow = files[f".github/workflows/deploy-{env}.yml"]
        assert workflow.count("CACHE_URL: ${{ secrets.CACHE_URL }}") == 1
    assert "| `CACHE_URL`" in files["README.md"].partition("First-time setup, under Settings")[2]
    elsewhere = chosen(stack="node", cache="memcached", secrets="doppler")
    assert json.loads(elsewhere["ops/project.json"])["settings"] == []
    assert "CACHE_URL" not in elsewhere[".github/workflows/deploy-live.yml"]


@pytest.mark.parametrize("stack", APIS)
def test_its_package_is_in_the_manifest_at_its_pin(chosen: Chosen, stack: str) -> None:
    files = chosen(stack=stack, cache="memcached")
    if stack == "python":
        assert '\n  "aiomcache==0.8.2",\n' in files["pyproject.toml"]
    else:
        assert json.loads(files["package.json"])["dependencies"]["memcache"] == "1.10.0"


@pytest.mark.parametrize("stack", APIS)
def test_its_server_is_beside_the_service_for_whoever_develops(chosen: Chosen, stack: str) -> None:
    files = chosen(stack=stack, cache="memcached")
    services = yaml.safe_load(files["compose.yaml"])["services"]
    assert services["cache"]["image"] == "memcached:1.6.39-alpine"
    assert services["cache"]["ports"] == ["127.0.0.1:11211:11211"]
    assert services["my-service"]["environment"]["CACHE_URL"] == BESIDE
    assert services["my-service"]["depends_on"] == {"cache": {"condition": "service_healthy"}}
    container = json.loads(files[".devcontainer/devcontainer.json"])
    assert container["initializeCommand"].endswith("up --detach --wait cache")
    assert container["containerEnv"] == {"CACHE_URL": BESIDE}


def on_github(files: Files) -> tuple[Any, Any]:
    steps = yaml.safe_load(files[".github/workflows/ci.yml"])["jobs"]["test"]["steps"]
    tasks = [step["run"] for step in steps if "run" in step]
    assert tasks[:2] == ["docker compose up --detach --wait cache", "ops/test"]
    (said,) = re.findall("^CACHE_URL=(.*)$", files[".env.local.example"], re.MULTILINE)
    return yaml.safe_load(files["compose.yaml"])["services"]["cache"]["image"], said


def on_gitlab(files: Files) -> tuple[Any, Any]:
    job = yaml.load(files[".gitlab-ci.yml"], Yaml)["test"]  # noqa: S506  # a safe loader
    (server,) = job["services"]
    assert server["alias"] == "cache"
    return server["name"], job["variables"]["CACHE_URL"]


def on_bitbucket(files: Files) -> tuple[Any, Any]:
    said = yaml.safe_load(files["bitbucket-pipelines.yml"])["definitions"]
    (step,) = [each["step"] for each in said["steps"] if each["step"]["name"] == "Test"]
    (name,) = step["services"]
    (value,) = [line.split("=")[1] for line in step["script"] if "export CACHE_URL=" in line]
    return said["services"][name]["image"], value


#: How each provider that can start a server says so, and where the tests find it there.
STARTED = {
    "github": (on_github, LOCAL),
    "gitlab": (on_gitlab, BESIDE),
    "bitbucket": (on_bitbucket, LOCAL),
}


@pytest.mark.parametrize("ci", PROVIDERS)
@pytest.mark.parametrize("stack", APIS)
def test_its_server_is_there_where_a_pipeline_tests(chosen: Chosen, stack: str, ci: str) -> None:
    files = chosen(stack=stack, cache="memcached", **host_of(ci))
    (row,) = (o.row for o in TEMPLATE.catalog.axis("ci") if o.id == ci)
    forge = "forge" in row.get("traits", ())
    assert forge == (ci in STARTED), "a platform's build starts no server"
    if forge:
        servers, where = STARTED[ci]
        assert servers(files) == ("memcached:1.6.39-alpine", where)
    assert read({path: text.encode() for path, text in files.items()}).unread == ()


SCHEDULE = """\
schedules:
  - id: look
    cron: "5 3 * * *"
    every: day
    task: ops/releases sandbox
    environment: sandbox
    minutes: 10
    does: lists what passed in `sandbox`
"""


@pytest.mark.parametrize("ci", STARTED)
def test_its_schedule_is_a_job_beside_the_drill(tmp_path: Path, ci: str) -> None:
    row = (
        template_with_cache(tmp_path)
        / "template/project/{{ use.cache.memcached }}/_layer/option.yml"
    )
    row.write_text(row.read_text() + SCHEDULE)
    template = Template(tmp_path, "the-template")
    answers = resolve(template, {"ci": ci, "cache": "memcached"})
    files = {str(file.path): file.content for file in render(template, answers)}
    if ci == "bitbucket":  # a schedule there starts a custom pipeline; no file says which
        custom = yaml.safe_load(files["bitbucket-pipelines.yml"])["pipelines"]["custom"]
        steps = {name: step["step"] for name, (step,) in custom.items()}
        found = {name: (step["script"][-1], step["deployment"]) for name, step in steps.items()}
    else:
        jobs = {job.id.rpartition("/")[2]: job for job in read(files).jobs}
        found = {name: (jobs[name].tasks[0], jobs[name].environment) for name in ("drill", "look")}
    assert found == {
        "drill": ("ops/drill testbed", "testbed"),
        "look": ("ops/releases sandbox", "sandbox"),
    }
    assert "lists what passed in `sandbox`" in files["README.md"].decode()
