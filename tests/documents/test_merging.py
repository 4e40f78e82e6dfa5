"""Manifests merge key by key, and what the merge doesn't change stays as it was, to the byte."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from textwrap import dedent
from typing import Any

import pytest
import yaml
from conftest import Render
from hypothesis import given, settings
from hypothesis import strategies as st

from scaffold.documents import merging, reading


def merged(name: str, base: str | None, ours: str, theirs: str) -> str | None:
    versions = [text if text is None else dedent(text).encode() for text in (base, ours, theirs)]
    assert versions[1] is not None
    assert versions[2] is not None
    result = merging.merge(PurePosixPath(name), versions[0], versions[1], versions[2])
    return result.decode() if result is not None else None


def added(name: str, ours: str, theirs: str, *leave: tuple[str, ...]) -> str | None:
    path, versions = PurePosixPath(name), [dedent(text).encode() for text in (ours, theirs)]
    result = merging.add_missing(path, versions[0], versions[1], leave)
    return result.decode() if result is not None else None


# package.json

PACKAGE = """\
{
  "name": "x",
  "scripts": {
    "build": "tsc",
    "dev": "tsx watch src/main.ts",
    "test": "node --test"
  },
  "dependencies": {
    "fastify": "5.0.0",
    "zod": "4.0.0"
  }
}
"""


def test_both_add_different_dependencies() -> None:
    ours = PACKAGE.replace('"zod"', '"pg": "8.0.0",\n    "zod"')
    theirs = PACKAGE.replace('"zod"', '"pino": "9.0.0",\n    "zod"')
    assert merged("package.json", PACKAGE, ours, theirs) == PACKAGE.replace(
        '"zod"', '"pino": "9.0.0",\n    "pg": "8.0.0",\n    "zod"'
    )


def test_both_add_a_dependency_at_the_end() -> None:
    ours = PACKAGE.replace('"4.0.0"', '"4.0.0",\n    "zx": "8.0.0"')
    theirs = PACKAGE.replace('"4.0.0"', '"4.0.0",\n    "zod-to-json-schema": "3.0.0"')
    assert merged("package.json", PACKAGE, ours, theirs) == PACKAGE.replace(
        '"4.0.0"', '"4.0.0",\n    "zod-to-json-schema": "3.0.0",\n    "zx": "8.0.0"'
    )


def test_both_bump_a_dependency_to_the_same_version() -> None:
    ours = PACKAGE.replace("5.0.0", "5.1.0").replace('"x"', '"y"')
    theirs = PACKAGE.replace("5.0.0", "5.1.0").replace("4.0.0", "4.1.0")
    assert merged("package.json", PACKAGE, ours, theirs) == ours.replace("4.0.0", "4.1.0")


def test_both_bump_a_dependency_differently_so_there_is_no_merge() -> None:
    ours, theirs = PACKAGE.replace("5.0.0", "5.1.0"), PACKAGE.replace("5.0.0", "5.2.0")
    assert merged("package.json", PACKAGE, ours, theirs) is None


def test_a_script_that_the_user_deleted_stays_deleted_though_the_template_changed_it() -> None:
    ours = PACKAGE.replace('    "dev": "tsx watch src/main.ts",\n', "")
    theirs = PACKAGE.replace("tsx watch", "node --watch").replace('"tsc"', '"tsc -b"')
    assert merged("package.json", PACKAGE, ours, theirs) == ours.replace('"tsc"', '"tsc -b"')


def test_a_script_that_the_template_deleted_stays_if_the_user_changed_it() -> None:
    ours = PACKAGE.replace("node --test", "vitest")
    theirs = PACKAGE.replace(',\n    "test": "node --test"', "").replace('"tsc"', '"tsc -b"')
    assert merged("package.json", PACKAGE, ours, theirs) == ours.replace('"tsc"', '"tsc -b"')


def test_the_last_key_is_deleted_with_the_comma_before_it() -> None:
    ours = PACKAGE.replace('"x"', '"y"')
    theirs = PACKAGE.replace(',\n    "zod": "4.0.0"', "")
    assert merged("package.json", PACKAGE, ours, theirs) == theirs.replace('"x"', '"y"')


def test_all_keys_are_deleted() -> None:
    base = '{"a": {\n"b": 1\n}, "c": 1}'
    ours = base.replace('"c": 1', '"c": 2')
    assert merged("a.json", base, ours, '{"a": {}, "c": 1}') == '{"a": {}, "c": 2}'
    assert merged("a.yaml", "a:\n  b: 1\nc: 1\n", "a:\n  b: 1\nc: 2\n", "a: {}\nc: 1\n") == (
        "a: {}\nc: 2\n"
    )


def test_a_file_that_is_empty_takes_the_text_of_the_other() -> None:
    assert merged("a.json", "{}", "{ }\n", PACKAGE) == PACKAGE
    assert merged("a.yaml", "{}", "{} # mine\n", COMPOSE) is None


def test_both_added_the_file_and_agree() -> None:
    assert merged("a.json", None, '{"a": 1, "b": {"c": 1}}', '{"b": {"d": 2}, "e": 3}') == (
        '{"a": 1, "b": {"d": 2, "c": 1}, "e": 3}'
    )


def test_both_added_the_file_and_do_not_agree_so_there_is_no_merge() -> None:
    assert merged("a.json", None, '{"a": 1}', '{"a": 2}') is None
    assert merged("a.json", None, '{"a": [1]}', '{"a": [1, 2]}') is None


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        # The order of what the user has stays; what is new goes where the template has it.
        ('["a", "b"]', '["b", "a", "u"]', '["a", "t", "b"]', '["b", "a", "t", "u"]'),
        ('["a", "b"]', '["a", "b", "u"]', '["b"]', '["b", "u"]'),
        ('["a"]', '["u", "a"]', '["t", "a"]', '["u", "a", "t"]'),
        ("[2, 0]", "[0]", "[0, 1, 2, 3]", "[0, 1, 3]"),
        # They are no set: true, 1 and 1.0 differ, and "1" is a string.
        ('[1, "b"]', '[1, "b", true]', '[1, "b", "1"]', '[1, "b", "1", true]'),
        # Both have replaced the same value, which may be the value of an argument.
        ('["--port", "80"]', '["--port", "81"]', '["--port", "82"]', None),
        # A value that is there twice: in order, as lines.
        ("[0, 0, 1, 2]", "[0, 0, 9, 1, 2]", "[0, 0, 1, 3]", "[0, 0, 9, 1, 3]"),
        ("[0, 0, 1]", "[0, 0, 1, 2]", "[0, 0, 1, 3]", None),
    ],
)
def test_lists(base: str, ours: str, theirs: str, expected: str | None) -> None:
    versions = ['{"list": ' + text + "}\n" for text in (base, ours, theirs)]
    assert merged("a.json", *versions) == (expected and '{"list": ' + expected + "}\n")


# How the text is written


@pytest.mark.parametrize("indent", ["    ", "\t", " "])
def test_what_is_new_is_indented_as_the_rest(indent: str) -> None:
    ours = PACKAGE.replace("  ", indent).replace('"x"', '"y"')
    new = """\
  "engines": {
    "node": [
      "24"
    ]
  },
  "scripts": {"""
    theirs = PACKAGE.replace('  "scripts": {', new)
    assert merged("package.json", PACKAGE, ours, theirs) == ours.replace(
        f'{indent}"scripts": {{', new.replace("  ", indent)
    )


def test_a_list_on_one_line_stays_on_one_line() -> None:
    base = '{\n  "files": ["dist"]\n}\n'
    ours = '{\n  "files": ["dist", "docs"]\n}\n'
    theirs = '{\n  "files": [\n    "dist",\n    {\n      "from": "a"\n    }\n  ]\n}\n'
    assert merged("a.json", base, base.replace("files", "files"), theirs) == (
        '{\n  "files": ["dist", { "from": "a" }]\n}\n'
    )
    assert merged("a.json", base, ours, base.replace("dist", "build")) == (
        '{\n  "files": ["build", "docs"]\n}\n'
    )


def test_a_list_on_lines_stays_on_lines() -> None:
    base = '{"files": ["dist"]}'
    ours = '{\n  "files": [\n    "dist",\n    "docs"\n  ]\n}'
    assert merged("a.json", base, ours, '{"files": ["dist", "lib"]}') == (
        '{\n  "files": [\n    "dist",\n    "lib",\n    "docs"\n  ]\n}'
    )


def test_a_minified_file_stays_so() -> None:
    theirs = '{\n  "a": 1,\n  "c": [\n    1,\n    2\n  ]\n}\n'
    assert merged("a.json", '{"a":1}', '{"a":1,"b":2}', theirs) == '{"a":1,"c":[ 1, 2 ],"b":2}'


@pytest.mark.parametrize("end", ["\n", "", "\n\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_breaks_stay_as_they_were(newline: str, end: str) -> None:
    ours = PACKAGE.replace('"x"', '"y"').rstrip() + end
    theirs = PACKAGE.replace('"zod"', '"pino": "9.0.0",\n    "zod"')
    expected = ours.replace('"zod"', '"pino": "9.0.0",\n    "zod"')
    result = merging.merge(
        PurePosixPath("package.json"),
        PACKAGE.encode(),
        ours.replace("\n", newline).encode(),
        theirs.encode(),
    )
    assert result == expected.replace("\n", newline).encode()


def test_escapes_and_numbers_stay_as_they_were() -> None:
    base = r'{"a": "\u00e9\/\ud83d\ude80", "b": 1e400, "c": -0.0, "d": 1}'
    ours = base.replace('"d": 1', '"e": "\\ud800", "d": 1')
    assert merged("a.json", base, ours, base.replace('"d": 1', '"d": 2')) == (
        ours.replace('"d": 1', '"d": 2')
    )


# tsconfig.json

TSCONFIG = """\
// https://www.typescriptlang.org/tsconfig/
{
  "extends": "@tsconfig/node24", // the base
  "compilerOptions": {
    /* Emitting
       is another file's business. */
    "noEmit": true,
    "strict": true, // always
  },
  "include": ["src"],
}
"""


def test_comments_and_trailing_commas_of_json() -> None:
    ours = TSCONFIG.replace('"noEmit"', '// mine\n    "jsx": "react", // too\n    "noEmit"')
    theirs = TSCONFIG.replace(
        '"strict": true, // always\n',
        '"strict": true, // always\n    // New.\n    "types": [], // none\n',
    ).replace("node24", "node26").replace("// the base", "// the new base")  # fmt: skip
    assert merged("tsconfig.json", TSCONFIG, ours, theirs) == (
        ours.replace("// always\n", '// always\n    // New.\n    "types": [], // none\n')
        .replace("node24", "node26").replace("// the base", "// the new base")
    )  # fmt: skip


def test_the_comment_of_a_last_key_stays_on_its_line() -> None:
    base = '{\n  "a": 1 // one\n}\n'
    assert merged("tsconfig.json", base, base, '{\n  "a": 1, // one\n  "b": 2 // two\n}\n') == (
        '{\n  "a": 1, // one\n  "b": 2 // two\n}\n'
    )


# pyproject.toml

PYPROJECT = """\
# The project.
[project]
name = "x" # as on PyPI
dependencies = [
  "fastapi>=1", # the web
  "pydantic>=2",
]

[project.scripts]
x = "x:main"

# Checks.
[tool.ruff]
line-length = 100

[tool.ruff.lint]
select = ["E", "F"]

[[tool.mypy.overrides]]
module = ["a"]
ignore_missing_imports = true

[tool.pytest.ini_options]
addopts = ["-n", "auto"]
"""


def test_tables_arrays_and_comments_of_toml() -> None:
    ours = (
        PYPROJECT.replace('  "pydantic>=2",\n', '  "pydantic>=2",\n  # Ours.\n  "mine>=1",\n')
        .replace("line-length = 100", "line-length = 120 # wide screens")
        .replace('["E", "F"]', '["E", "F", "D"]')
        .replace("[tool.pytest", '[[tool.mypy.overrides]]\nmodule = "mine"\n\n[tool.pytest')
    )
    theirs = (
        PYPROJECT.replace('  "pydantic>=2",\n', '  "pydantic>=2",\n  "uvicorn>=1", # serves it\n')
        .replace('"fastapi>=1", # the web', '"fastapi>=2", # the new web')
        .replace('["E", "F"]', '["E", "F", "UP"]')
        .replace("line-length = 100", 'line-length = 100\ntarget-version = "py314" # new')
        .replace('module = ["a"]', 'module = ["a", "b"]')
        .replace("\n# Checks.", '\n# Builds.\n[tool.hatch]\nroot = "." # here\n\n# Checks.')
        + "\n[tool.coverage.run]\nbranch = true\n"
    )  # fmt: skip
    expected = (
        ours.replace("  # Ours.", '  "uvicorn>=1", # serves it\n  # Ours.')
        .replace('"fastapi>=1", # the web', '"fastapi>=2", # the new web')
        .replace('["E", "F", "D"]', '["E", "F", "UP", "D"]')
        .replace("# wide screens", '# wide screens\ntarget-version = "py314" # new')
        .replace('module = ["a"]', 'module = ["a", "b"]')
        .replace("\n# Checks.", '\n# Builds.\n[tool.hatch]\nroot = "." # here\n\n# Checks.')
        + "\n[tool.coverage.run]\nbranch = true\n"
    )  # fmt: skip
    assert merged("pyproject.toml", PYPROJECT, ours, theirs) == expected


def test_both_bump_a_requirement_differently_so_there_is_no_merge() -> None:
    ours, theirs = (
        PYPROJECT.replace("fastapi>=1", "fastapi>=2"),
        PYPROJECT.replace("fastapi>=1", "fastapi>=3"),
    )
    assert merged("pyproject.toml", PYPROJECT, ours, theirs) is None


def test_a_table_that_the_template_deleted_goes_with_its_comment() -> None:
    ours = PYPROJECT.replace("x:main", "x:run")
    theirs = PYPROJECT.replace("# Checks.\n[tool.ruff]\nline-length = 100\n\n", "")
    assert merged("pyproject.toml", PYPROJECT, ours, theirs) == theirs.replace("x:main", "x:run")


def test_a_table_written_otherwise_is_merged_or_there_is_no_merge() -> None:
    ours = PYPROJECT.replace('[tool.ruff.lint]\nselect = ["E", "F"]', "").replace(
        "line-length", 'lint.select = ["E", "F"]\nline-length'
    )  # fmt: skip
    theirs = PYPROJECT.replace('["E", "F"]', '["E"]')
    assert merged("pyproject.toml", PYPROJECT, ours, theirs) is None
    assert merged("pyproject.toml", PYPROJECT, ours, PYPROJECT.replace("100", "99")) == (
        ours.replace("100", "99")
    )


def test_every_kind_of_toml_value() -> None:
    base = r"""
"quoted key".'other' = 1979-05-27 07:32:00Z
text = '''
several "quoted" lines\
  '''''
words = "a\"b" # a comment
mixed = [ [1, 2], {a.b = 1, c = [0xFF, 1_000, inf, nan]}, 07:32:00, 1979-05-27T07:32:00+01:00 ]
"""
    ours = base.replace("text", "mine = 1\ntext")
    theirs = base.replace("0xFF", "0xFE").replace("several", "some") + "new = 1.5\n"
    assert merged("a.toml", base, ours, theirs) == theirs.replace("text", "mine = 1\ntext")


# GitHub's workflows

WORKFLOW = """\
name: CI

on:
  pull_request:
  push:
    branches: [main]

jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@1111111111111111111111111111111111111111 # v6.0.1
        with:
          persist-credentials: false
      - uses: actions/setup-node@2222222222222222222222222222222222222222 # v6.1.0
      - run: |
          npm ci
          npm test
"""
NEW_PINS = WORKFLOW.replace(f"{'1' * 40} # v6.0.1", f"{'3' * 40} # v7.0.0").replace(
    f"{'2' * 40} # v6.1.0", f"{'4' * 40} # v6.2.0"
)


def test_pins_are_bumped_with_their_comments_next_to_a_step_of_the_user() -> None:
    def edited(text: str) -> str:
        return text.replace(
            "      - run: |",
            "      # Mine.\n      - name: Cache\n        uses: a/cache@v1 # mine\n\n      - run: |",
        ).replace(
            "  persist-credentials: false\n",
            "  persist-credentials: false\n        env:\n          A: 1\n",
        )

    assert merged("ci.yml", WORKFLOW, edited(WORKFLOW), NEW_PINS) == edited(NEW_PINS)


def test_a_step_of_the_template_goes_where_the_template_has_it() -> None:
    theirs = WORKFLOW.replace(
        "      - run: |",
        "      # New.\n      - uses: a/cache@v1 # pinned\n        with: {path: x}\n      - run: |",
    )
    ours = WORKFLOW.replace("npm test\n", "npm test\n          npm run e2e\n").replace(
        "[main]", "[main, next]"
    )
    assert merged("ci.yml", WORKFLOW, ours, theirs) == theirs.replace(
        "npm test\n", "npm test\n          npm run e2e\n"
    ).replace("[main]", "[main, next]")


def test_both_add_a_step_at_one_place_so_there_is_no_merge() -> None:
    ours, theirs = WORKFLOW + "      - run: a\n", WORKFLOW + "      - run: b\n"
    assert merged("ci.yml", WORKFLOW, ours, theirs) is None


def test_both_pin_an_action_so_there_is_no_merge() -> None:
    assert merged("ci.yml", WORKFLOW, WORKFLOW.replace("2" * 40, "5" * 40), NEW_PINS) is None


def test_a_comment_of_the_user_beside_a_pin_is_not_lost() -> None:
    ours = WORKFLOW.replace("# v6.1.0", "# v6.1.0, see #12")
    assert merged("ci.yml", WORKFLOW, ours, NEW_PINS) is None


def test_a_step_that_the_user_replaced_is_no_step_to_bump() -> None:
    ours = WORKFLOW.replace(f"uses: actions/setup-node@{'2' * 40} # v6.1.0", "run: nvm install")
    assert merged("ci.yml", WORKFLOW, ours, NEW_PINS) is None


def test_a_key_of_the_template_without_a_value_and_one_that_gets_one() -> None:
    ours = WORKFLOW.replace("name: CI", "name: Mine")
    theirs = WORKFLOW.replace(
        "  pull_request:\n", "  pull_request: # all\n    types: [opened]\n  workflow_call:\n"
    )
    assert merged("ci.yml", WORKFLOW, ours, theirs) == theirs.replace("name: CI", "name: Mine")


def test_a_comment_of_the_user_on_a_block_of_text_is_not_lost() -> None:
    ours, theirs = WORKFLOW.replace("run: |", "run: | # mine"), WORKFLOW.replace("npm ci", "npm i")
    assert merged("ci.yml", WORKFLOW, ours, theirs) is None


# compose.yaml

COMPOSE = """\
# Services to develop against.
---
services:
  db:
    image: postgres:18 # as production
    environment:
      POSTGRES_PASSWORD: "x"
    healthcheck:
      test: ["CMD", "pg_isready"]
      interval: 5s

volumes:
  data: {}
# The end.
"""


def test_a_service_of_the_user_beside_a_changed_healthcheck() -> None:
    def edited(text: str) -> str:
        return (
            text.replace('_PASSWORD: "x"\n', "_PASSWORD: \"x\"\n      MINE: 'yes' # mine\n")
            .replace("\nvolumes:", "\n  # Mine.\n  cache:\n    image: valkey\n\nvolumes:")
            .replace("  data: {}\n", "  data: {}\n  cache:\n")
        )

    theirs = COMPOSE.replace("interval: 5s", "interval: 2s\n      start_period: 30s").replace(
        '"pg_isready"', '"pg_isready", "-q"'
    )
    assert merged("compose.yaml", COMPOSE, edited(COMPOSE), theirs) == edited(theirs)


def test_a_first_key_goes_below_the_head_of_the_file() -> None:
    theirs = COMPOSE.replace("services:", "name: x # new\nservices:").replace(
        "    image", "    init: true\n    image"
    )
    ours = COMPOSE.replace("cmd", "CMD").replace("5s", "9s")
    assert merged("compose.yaml", COMPOSE, ours, theirs) == theirs.replace("5s", "9s")


def test_a_first_key_of_an_item_of_a_list_is_added_and_deleted() -> None:
    base = "- a: 1\n  b: 2\n- c: 3\n"
    assert merged("a.yaml", base, base.replace("3", "4"), "- b: 2\n- c: 3\n") == "- b: 2\n- c: 4\n"
    assert merged("a.yaml", base, base.replace("3", "4"), "- n: 0\n  a: 1\n  b: 2\n- c: 3\n") == (
        "- n: 0\n  a: 1\n  b: 2\n- c: 4\n"
    )


def test_yaml_that_is_indented_otherwise() -> None:
    base = "a:\n  - b: 1\nc:\n  d: 1\n"
    ours = "a:\n- b:   1\n\nc:\n    d:   1\n"
    theirs = (
        "a:\n  - b: 1\nc:\n  d: 2\n  e:\n"
        "    # new\n    f:\n      - g: |\n          h\n            i\n        j: 1\n"
    )
    assert merged("a.yaml", base, ours, theirs) == (
        "a:\n- b:   1\n\nc:\n    d:   2\n    e:\n"
        "      # new\n      f:\n        - g: |\n            h\n              i\n          j: 1\n"
    )


def test_the_anchors_of_a_user_are_kept_but_not_merged_into() -> None:
    ours = COMPOSE.replace(
        "    environment:\n", "    <<: &all\n      restart: always\n    environment: &env\n"
    ).replace("\nvolumes:", "\n  other:\n    <<: *all\n    environment: *env\n\nvolumes:")
    assert merged("compose.yaml", COMPOSE, ours, COMPOSE.replace("5s", "9s")) is None
    ours = ours.replace("    <<: &all\n      restart: always\n", "").replace("    <<: *all\n", "")
    assert merged("compose.yaml", COMPOSE, ours, COMPOSE.replace("5s", "9s")) == ours.replace(
        "5s", "9s"
    )
    assert merged("compose.yaml", COMPOSE, ours, COMPOSE.replace('"x"', '"y"')) is None
    theirs = COMPOSE + "x: &env {}\ny: *env\n"
    assert merged("compose.yaml", COMPOSE, COMPOSE.replace("5s", "9s"), theirs) is None


def test_a_list_of_another_style_takes_new_items_in_its_own() -> None:
    block, flow = "a:\n- x\n- y # c\n", "a: [x, y]\n"
    assert merged("a.yaml", flow, block, "a: [x, z, y, {k: v}]\nb: 1\n") == (
        "a:\n- x\n- z\n- y # c\n- {k: v}\nb: 1\n"
    )
    assert merged("a.yaml", block, flow, "a:\n- x\n- z\n- y # c\nb: 1\n") == (
        "a: [x, z, y]\nb: 1\n"
    )


def test_a_comment_above_a_deleted_key_goes_if_it_was_the_templates_and_is_gone_there_too() -> None:
    base = "# Head.\n\n# Group.\na: 1\n# On b.\nb: 2\nc: 3\n"
    ours = base.replace("b: 2", "# Mine.\nb: 2").replace("3", "4")
    assert merged("a.yaml", base, ours, "# Head.\n\n# Group.\nc: 3\n") == (
        "# Head.\n\n# Group.\n# Mine.\nc: 4\n"
    )


# Adopting


def test_missing_keys_are_added_and_nothing_else_is_touched() -> None:
    ours = """\
    {
        "name": "mine",
        "scripts": {
            "build": "make"
        },
        "files": ["a"]
    }"""
    theirs = """\
    {"name": "x", "scripts": {"build": "tsc", "test": "node --test"}, "files": ["b"], "type": "m"}
    """
    assert added("package.json", ours, theirs) == dedent(ours).replace(
        '"make"', '"make",\n        "test": "node --test"'
    ).replace('["a"]', '["a"],\n    "type": "m"')


def test_what_is_to_be_left_is_not_added() -> None:
    theirs = "[a]\nx = 1\ny = 2\n\n[a.b]\nz = 3\n\n[c]\nd = 4\ne = 5\n"  # fmt: skip
    assert (
        added("a.toml", "[a]\nx = 0\n", theirs, ("a", "b"), ("c", "d"))
        == "[a]\nx = 0\ny = 2\n\n[c]\ne = 5\n"
    )
    assert added("a.yaml", "a: 1\n", "b:\n  c: 1\n  d: 2\n", ("b", "c")) == "b:\n  d: 2\na: 1\n"
    assert added("a.yaml", "a: 1\n", "b:\n  c: 1\n", ("b", "c")) == "a: 1\n"


@pytest.mark.parametrize(
    ("name", "text"), [("a.json", "{} "), ("a.toml", "a=1"), ("a.yaml", "a:   1")]
)
def test_a_file_that_lacks_nothing_is_given_as_it_is(name: str, text: str) -> None:
    ours = text.encode()
    assert merging.add_missing(PurePosixPath(name), ours, ours) is ours


# What has no merge


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", ""),
        ("a.json", "{"),
        ("a.json", '{"a": 1, "a": 1}'),
        ("a.json", "{'a': 1}"),
        ("a.json", '{"a": NaN}'),
        ("a.json", '{"a": 1 "b": 2}'),
        ("a.json", "[,]"),
        ("a.json", "[1}"),
        ("a.json", '{"a" = 1}'),
        ("a.json", '\ufeff{"a": 1}'),
        ("a.json", "[" * 100_000),
        ("a.json", "1" * 5000),
        ("package.json", '{"a": 1} // comment'),
        ("a.toml", "a = 1\na = 1\n"),
        ("a.toml", "a"),
        ("a.toml", "a = " + "[" * 100_000),
        ("a.yaml", "a: 1\na: 2\n"),
        ("a.yaml", "a: [\n"),
        ("a.yaml", "a: *b\n"),
        ("a.yaml", "a: \0\n"),
        ("a.yaml", "[" * 500),
    ],
)
def test_what_cannot_be_read_is_not_valid_and_has_no_merge(name: str, text: str) -> None:
    path, good = PurePosixPath(name), b"a: 1\n" if name.endswith("yaml") else b'{"a": 1}'
    assert reading.valid(path, text.encode()) is False
    for versions in (
        (text.encode(), good, good + b" "),
        (good, text.encode(), good),
        (good, good, text.encode()),
    ):
        assert name == "package.json" or merging.merge(path, *versions) is None
    assert merging.add_missing(path, text.encode(), good) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"a": [1, 2.50, true, null, "\\ud800"]}'),
        ("tsconfig.json", '/**/{"a": [1,],} // comment'),
        ("a.toml", ""),
        ("a.yaml", ""),
        ("a.yaml", "a: !reference [b]\n---\n? [x]\n: {y}\n"),
        ("a.yaml", "a: &a [*a]\nb: *a\n"),
    ],
)
def test_what_can_be_read_is_valid(name: str, text: str) -> None:
    assert reading.valid(PurePosixPath(name), text.encode()) is True


def test_other_formats_are_not_known() -> None:
    path = PurePosixPath("a.ini")
    assert reading.valid(path, b"") is None
    assert merging.merge(path, b"", b"", b"") is None
    assert merging.add_missing(path, b"", b"") is None


def test_bytes_that_are_no_text_and_mixed_line_breaks_have_no_merge() -> None:
    path = PurePosixPath("a.yaml")
    for text in (b"a: \xff\n", b"\xef\xbb\xbfa: 1\n", b"a: 1\r\nb: 1\n", b"a: 1\rb: 1\n"):
        assert merging.merge(path, b"a: 2\n", text, b"a: 2\nc: 3\n") is None


# What the template generates


@pytest.mark.parametrize("answers", [{}, {"ci": "gitlab", "hosting": "render"}])
def test_every_manifest_of_a_project_is_read_whole_and_edited_where_it_changes(
    render: Render, answers: dict[str, str]
) -> None:
    project = render(project_name="x", **answers)
    seen = set()
    for file in filter(Path.is_file, sorted(project.rglob("*"))):
        path, text = PurePosixPath(file), file.read_bytes()
        if reading.valid(path, text) is None:
            continue
        assert reading.valid(path, text), path
        more = b"zz.a = 1\n" if path.suffix == ".toml" else b"zz:\n  a: 1\n"
        new = more + text
        if path.suffix == ".json":
            new = text.replace(b"{\n", b'{\n  "zz": {\n    "a": 1\n  },\n', 1)
        added = merging.merge(path, text, text, new)
        assert added is not None, path
        assert Counter(added.splitlines()) == Counter(new.splitlines())
        assert merging.merge(path, added, added, text) == text
        seen.add(path.suffix)
    assert seen >= {".json", ".yml"}


# Whatever is in them

KEYS = st.text("abcdeé-_ .#:\"'", min_size=1, max_size=5)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ab #:-\"'\\\né,[]{}", max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(KEYS, VALUES, max_size=5)


def as_toml(data: Any) -> str:
    """Write data in TOML, tables as tables."""

    def word(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{json.dumps(k)} = {word(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(word, value)) + "]"
        return json.dumps(value, ensure_ascii=False)

    tables = {key: value for key, value in data.items() if isinstance(value, dict)}
    lines = [f"{json.dumps(k)} = {word(v)}" for k, v in data.items() if k not in tables]
    for key, table in tables.items():
        lines += [
            "",
            f"[{json.dumps(key)}]",
            *(f"{json.dumps(k)} = {word(v)}" for k, v in table.items()),
        ]
    return "\n".join([*lines, ""])


def without_none(data: Any) -> Any:
    """Leave out what TOML doesn't have."""
    if isinstance(data, dict):
        return {key: without_none(value) for key, value in data.items() if value is not None}
    return [without_none(v) for v in data if v is not None] if isinstance(data, list) else data


FORMATS: dict[str, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    "a.json": (lambda data: json.dumps(data, indent=2), json.loads),
    "tab.json": (lambda data: json.dumps(data, indent="\t", ensure_ascii=False), json.loads),
    "line.json": (json.dumps, json.loads),
    "a.toml": (as_toml, tomllib.loads),
    "a.yaml": (lambda data: yaml.safe_dump(data, sort_keys=False), yaml.safe_load),
    "flow.yaml": (
        lambda data: yaml.safe_dump(data, sort_keys=False, default_flow_style=True),
        yaml.safe_load,
    ),
}
FEW = settings(max_examples=25)
EACH_FORMAT = pytest.mark.parametrize("name", FORMATS)


def write(name: str, data: Any) -> bytes:
    return FORMATS[name][0](without_none(data) if name.endswith("toml") else data).encode()


def read(name: str, text: bytes | None) -> Any:
    assert text is not None
    return FORMATS[name][1](text.decode())


@EACH_FORMAT
@FEW
@given(base=MAPPINGS, ours=MAPPINGS)
def test_where_the_template_changed_nothing_the_text_of_the_user_stays(
    name: str, base: dict[str, Any], ours: dict[str, Any]
) -> None:
    old, mine = write(name, base), write(name, ours)
    assert merging.merge(PurePosixPath(name), old, mine, old) == mine


@EACH_FORMAT
@FEW
@given(base=MAPPINGS, theirs=MAPPINGS)
def test_where_the_user_changed_nothing_the_template_has_its_way(
    name: str, base: dict[str, Any], theirs: dict[str, Any]
) -> None:
    old, new = write(name, base), write(name, theirs)
    result = merging.merge(PurePosixPath(name), old, old, new)
    assert result is None or read(name, result) == read(name, new)


@EACH_FORMAT
@FEW
@given(
    common=st.dictionaries(KEYS, VALUES, min_size=1),
    ours=MAPPINGS,
    theirs=MAPPINGS,
    late=st.booleans(),
)
def test_changes_of_different_keys_are_all_made(
    name: str, common: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any], *, late: bool
) -> None:
    """Both add keys of their own, and change or delete what both had."""
    base: dict[str, Any] = {
        "one": {"mine": 1, "theirs": 2},
        **{f"{k}0": [v] for k, v in common.items()},
        "two": {"a": 1},
    }
    mine = {**base, "one": {"mine": 3, "theirs": 2, **{f"{k}1": v for k, v in ours.items()}}}
    yours = {**base, "one": {"mine": 1, "theirs": 4, **{f"{k}2": v for k, v in theirs.items()}}}
    expected = {**base, "one": {**yours["one"], **mine["one"], "theirs": 4}}
    gone = next(iter(common)) + "0"
    (mine if late else yours)[gone] = "changed"
    del expected[gone], (yours if late else mine)[gone]
    if late:
        expected[gone] = "changed"
    result = merging.merge(
        PurePosixPath(name), write(name, base), write(name, mine), write(name, yours)
    )
    assert read(name, result) == (without_none(expected) if name.endswith("toml") else expected)


@EACH_FORMAT
@FEW
@given(ours=MAPPINGS, theirs=MAPPINGS)
def test_adopting_adds_all_that_is_missing(
    name: str, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    def filled(mine: Any, new: Any) -> Any:
        if not (isinstance(mine, dict) and isinstance(new, dict)):
            return mine
        return {**new, **{key: filled(value, new.get(key)) for key, value in mine.items()}}

    mine, new = write(name, ours), write(name, theirs)
    result = merging.add_missing(PurePosixPath(name), mine, new)
    assert result is None or read(name, result) == filled(read(name, mine), read(name, new))


@EACH_FORMAT
@given(
    texts=st.lists(
        st.binary(max_size=40) | st.text("ab:-[]{}\"',= #\n\t&*!|>", max_size=40).map(str.encode),
        min_size=3,
        max_size=3,
    )
)
def test_whatever_is_in_a_file_nothing_is_raised(name: str, texts: list[bytes]) -> None:
    path = PurePosixPath(name)
    result = merging.merge(path, texts[0], texts[1], texts[2])
    assert result is None or reading.valid(path, result)
    result = merging.add_missing(path, texts[1], texts[2])
    assert result is None or reading.valid(path, result)
    assert reading.valid(path, texts[0]) in (True, False)


LINES = {
    "package.json": PACKAGE,
    "tsconfig.json": TSCONFIG,
    "pyproject.toml": PYPROJECT,
    "ci.yml": WORKFLOW,
    "compose.yaml": COMPOSE,
}


def comments(text: str, mark: str) -> Counter[str]:
    return Counter(line[line.index(mark) :] for line in text.splitlines() if mark in line)


@pytest.mark.parametrize("name", LINES)
@FEW
@given(data=st.data())
def test_no_comment_is_lost_that_the_template_does_not_delete(
    name: str, data: st.DataObject
) -> None:
    """Lines of a real file are dropped, doubled, changed and commented on at random."""
    mark = "//" if name.endswith("json") else "#"

    def edited(who: str) -> str:
        lines = LINES[name].splitlines()
        for i in sorted(data.draw(st.sets(st.integers(0, len(lines) - 1), max_size=4)))[::-1]:
            line = lines[i]
            edits = [
                [],
                [line, line.replace("s", who).replace("a", who)],
                [line.replace("1", "7").replace("e", who)],
                [f"{mark} {who}{i}", line],
                [f"{line} {mark} {who}{i}"],
            ]
            lines[i : i + 1] = data.draw(st.sampled_from(edits))
        return "\n".join([*lines, ""])

    ours, theirs = edited("ours"), edited("theirs")
    result = merged(name, LINES[name], ours, theirs)
    if result is not None:
        deleted = comments(LINES[name], mark) - comments(theirs, mark)
        assert comments(ours, mark) - deleted <= comments(result, mark)


@given(st.lists(st.lists(st.integers(0, 9), unique=True, max_size=8), min_size=3, max_size=3))
def test_a_merged_list_of_different_values_has_what_was_added_but_not_what_was_deleted(
    lists: list[list[int]],
) -> None:
    base, ours, theirs = lists
    result = merged("a.json", *(json.dumps({"list": values}) for values in lists))
    if result is not None:
        values = json.loads(result)["list"]
        expected = {v for v in range(10) if (v in ours) + (v in theirs) > (v in base)}
        assert sorted(values) == sorted(expected)
        if base not in (ours, theirs):
            kept = [value for value in values if value in ours]
            assert kept == [value for value in ours if value in values]
