"""A small template like ours, with few and short files: what adoption does shows in full."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml
from conftest import ROOT

COPIER = """\
catalog:
  type: yaml
  when: false
  default: !include template/project/*/_layer/option.yml
---
traits:
  type: yaml
  when: false
  default: !include template/project/*/_layer/trait.yml
---
project_name:
  type: str
  default: my-service
  validator: "{% if not project_name | regex_search('^[a-z][a-z0-9-]*$') %}no name{% endif %}"
description:
  type: str
  default: A backend service
owner:
  type: str
  default: The {{ project_name }} team
AXESuse:
  type: yaml
  when: false
  default: >-
    {% from 'template/macros/catalog.jinja' import flags %}{{
    flags(catalog, {'stack': stack, 'ci': ci, 'hosting': hosting}) }}
---
_subdirectory: template/project
_exclude: [/_layer]
_envops:
  undefined: jinja2.StrictUndefined
  trim_blocks: true
  lstrip_blocks: true
  keep_trailing_newline: true
"""
AXIS = """\
AXIS:
  choices: "{% from 'template/macros/catalog.jinja' import choices %}{{ choices(OF) }}"
  default: "{% from 'template/macros/catalog.jinja' import first_fit %}{{ first_fit(OF) }}"
"""
#: Unlike ours, its manifest for Python has something to give to one that is there.
PYTHON: dict[str, Any] = {
    "application": ["/app/", "/tests/"],
    "application_keys": {"pyproject.toml": ["project", "build-system", "dependency-groups"]},
}
FILES = {
    "README.md.jinja": "# {{ project_name }}\n\n{{ description }}, by {{ owner }}.\n",
    "ops/x": "#!/bin/sh\necho x\n",
    ".editorconfig": "[*]\nend_of_line = lf\n",
    ".gitattributes": (ROOT / "template/project/.gitattributes").read_text(),
    "{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml }}",
    "{{ use.stack.node }}/package.json.jinja": """\
{
  "name": "{{ project_name }}",
  "version": "0.1.0",
  "description": {{ description | to_json }},
  "type": "module",
  "engines": { "node": "24.x" },
  "scripts": { "build": "tsc", "test": "vitest run" },
  "dependencies": { "fastify": "5.12.8" },
  "files": ["dist"]
}
""",
    "{{ use.trait.fastify }}/Dockerfile.jinja": "FROM node\nLABEL name={{ project_name }}\n",
    "{{ use.trait.image }}/.dockerignore": "*\n!src\n",
    "{{ use.trait.fastify }}/src/app.ts": "export const app = 1;\n",
    "{{ use.trait.fastify }}/test/app.test.ts": 'throw new Error("this is not your test");\n',
    "{{ use.stack.python }}/pyproject.toml.jinja": """\
[project]
name = "{{ project_name }}"
version = "0.1.0"
requires-python = ">=3.14"
dependencies = ["fastapi"]

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.ruff]
line-length = 100
""",
    "{{ use.stack.python }}/Dockerfile.jinja": "FROM python\nLABEL name={{ project_name }}\n",
    "{{ use.stack.python }}/app/main.py": "app = 1\n",
    "{{ use.stack.python }}/tests/test_app.py": "raise AssertionError('this is not your test')\n",
    "{{ use.ci.github }}/.github/workflows/ci.yml": (
        "on: push\njobs:\n  x:\n    runs-on: ubuntu-latest\n    steps: [{ run: ops/x }]\n"
    ),
    "{{ use.ci.gitlab }}/.gitlab-ci.yml": "x:\n  script: ops/x\n",
    "{{ use.hosting.fly }}/fly.toml.jinja": 'app = "{{ project_name }}"\n',
    "{{ use.hosting.render }}/render.yaml.jinja": "services:\n  - name: {{ project_name }}\n",
}
EXECUTABLE = "ops/x"


def mini_template(folder: Path) -> Path:
    """Write the template into a folder, and give that."""
    axes = (
        AXIS.replace("AXIS", axis).replace("OF", f"catalog, '{axis}'{more}")
        for axis, more in {
            "stack": "",
            "ci": ", {'stack': stack}",
            "hosting": ", {'stack': stack}",
        }.items()
    )
    files = folder / "template/project"
    files.mkdir(parents=True)
    (folder / "copier.yml").write_text(COPIER.replace("AXES", "".join(axes)))
    (folder / "template/macros").mkdir()
    shutil.copy(ROOT / "template/macros/catalog.jinja", folder / "template/macros")
    for name, content in FILES.items():
        path = files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o755 if name == EXECUTABLE else 0o644)
    # The real rows, so that their evidence is what is tested.
    switches = {name.partition("/")[0] for name in FILES if name.startswith("{{ use.")}
    rows = {switch: _real(switch, "option") for switch in switches if ".trait." not in switch}
    traits = {trait for row in rows.values() for trait in row.get("traits", ())}
    for switch, row in rows.items():
        row.pop("lock", None)  # nothing is installed
        _write(files / switch, "option", {**row, **(PYTHON if row["id"] == "python" else {})})
    for switch in (f"{{{{ use.trait.{trait} }}}}" for trait in traits):
        _write(files / switch, "trait", _real(switch, "trait"))
    return folder


def _real(switch: str, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(
        (ROOT / "template/project" / switch / f"_layer/{kind}.yml").read_text()
    )
    return found


def _write(folder: Path, kind: str, row: dict[str, Any]) -> None:
    (folder / "_layer").mkdir(parents=True, exist_ok=True)
    (folder / "_layer" / f"{kind}.yml").write_text(yaml.safe_dump(row, sort_keys=False))
