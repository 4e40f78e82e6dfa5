"""`scaffold explain PATH:LINE`: what wrote a line, and on which values it depends."""

from __future__ import annotations

import copy
import json
import re
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from conftest import PINS, ROOT, TEMPLATE, Scaffold, pairwise, rendered, with_something_new
from small import git, release

from scaffold.errors import UsageError
from scaffold.project.line import Line
from scaffold.project.provenance import Provenance, Source
from scaffold.template.answers import resolve
from scaffold.template.definition import Template
from scaffold.template.renderer import render
from scaffold.template.tracing import Place

FLY = "files/{{ use.host.fly }}"
IMAGE = "files/{{ use.trait.image }}"
FILES = {
    "copier.yml": """\
_subdirectory: files
_exclude: [/_layer]
_envops: { undefined: jinja2.StrictUndefined, trim_blocks: true, lstrip_blocks: true }
project_name: demo
strict: { type: bool, default: true }
host: { type: str, choices: [fly, render], default: fly }
catalog:
  when: false
  default:
    - { axis: host, id: fly, order: 1, label: Fly.io, why: it is there, traits: [image],
        header: fly-ip, token: abc }
    - { axis: host, id: render, order: 2, label: Render, why: it is there, traits: [image],
        header: true-ip }
traits:
  when: false
  default:
    - { id: image, run: { user: 1000 }, tools: [docker, syft] }
pins:
  when: false
  default: { runtimes: { node: "24" }, images: { node: "node:{node}" } }
images:
  when: false
  type: yaml
  default: "{node: '{{ pins.images.node.format(**pins.runtimes) }}'}"
use:
  when: false
  type: yaml
  default: "{host: {fly: '{{ '.' if host == 'fly' }}', render: '{{ '.' if host == 'render' }}'},
    trait: {image: '.'}}"
""",
    "macros/rows.jinja": """\
{% macro row(key) %}
{% for each in catalog if use[each.axis][each.id] %}{{ each[key] | default('') }}{% endfor %}
{% endmacro %}
{% macro parts(name) %}
{% include 'files/{{ use.trait.image }}/_layer/' ~ name ~ '.jinja' %}
{% include 'files/{{ use.host.' ~ host ~ ' }}/_layer/' ~ name ~ '.jinja' ignore missing %}
{% endmacro %}
""",
    "files/{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml }}",
    "files/run.json.jinja": """\
{% from 'macros/rows.jinja' import parts, row with context %}
{
  "name": "{{ project_name }}",
  "node": "{{ pins.runtimes.node }}",
  "image": "{{ images.node }}",
  "header": "{{ row('header') }}",
{{ parts('run') }}
{% if strict %}
  "strict": true,
{% endif %}
{% if row('token') %}
  "private": true
{% endif %}
}
""",
    "files/copied:1": "first\nsecond\n",
    f"{IMAGE}/_layer/run.jinja": """\
  "user": {{ traits[0].run.user }},
  "tools": "{{ traits[0].tools | join(', ') }}",
""",
    f"{FLY}/_layer/run.jinja": '  "where": "Fly.io",\n',
    "files/odd.jinja": "{% set text %}a{% endset %}{{ {'b': text} | to_nice_yaml }}",
}


@pytest.fixture
def template(tmp_path: Path) -> Template:
    release(tmp_path / "template", "v1.0.0", FILES)
    return Template(tmp_path / "template", "the-template")


@pytest.fixture
def project(scaffold: Scaffold, tmp_path: Path, template: Template) -> Path:
    done = scaffold("new", "demo", "--template", str(template.root), "--defaults")
    assert done.returncode == 0, done.stderr
    return tmp_path / "demo"


def made(template: Template, path: str = "run.json") -> Provenance:
    """Look up where a file of a project with the usual answers is from."""
    answers = resolve(template, {})
    file = next(f for f in render(template, answers) if f.path == PurePosixPath(path))
    return Provenance.of(file, template, answers)


def said(line: Line) -> tuple[list[str], list[str]]:
    """Give the template's lines behind a line, and all that it depends on."""
    values = [
        f"{one.cause.trait or one.cause.answer}.{one.key}" for one in line.inputs.rows if one.cause
    ]
    values += [f"pins.{pin.key}" for pin in line.inputs.pins]
    values += [one.cause.trait or one.cause.question for one in line.inputs.answers if one.cause]
    places: tuple[Source | Place, ...] = (*line.sources, *line.macros)
    return [f"{place.path}:{place.line}" for place in places], values


@pytest.mark.parametrize(
    ("number", "text", "places", "values"),
    [
        (1, "{", ["files/run.json.jinja:2"], []),
        (2, '  "name": "demo",', ["files/run.json.jinja:3"], ["project_name"]),
        (3, '  "node": "24",', ["files/run.json.jinja:4"], ["pins.runtimes.node"]),
        (
            4, '  "image": "node:24",', ["files/run.json.jinja:5"],
            ["pins.runtimes.node", "pins.images.node"],
        ),
        (
            5, '  "header": "fly-ip",', ["files/run.json.jinja:6", "macros/rows.jinja:2"],
            ["fly.header"],
        ),
        (6, '  "user": 1000,', [f"{IMAGE}/_layer/run.jinja:1"], ["image.run.user"]),
        (7, '  "tools": "docker, syft",', [f"{IMAGE}/_layer/run.jinja:2"], ["image.tools"]),
        (8, '  "where": "Fly.io",', [f"{FLY}/_layer/run.jinja:1"], []),
        (9, "", ["files/run.json.jinja:7"], []),
        (10, '  "strict": true,', ["files/run.json.jinja:9"], ["strict"]),
        (11, '  "private": true', ["files/run.json.jinja:12"], ["fly.token"]),
        (12, "}", ["files/run.json.jinja:14"], []),
    ],
)  # fmt: skip
def test_a_line_has_a_place_in_the_template_and_values(
    template: Template, number: int, text: str, places: list[str], values: list[str]
) -> None:
    origin = made(template)
    line = Line.of(number, origin.text, PurePosixPath("run.json"), origin)
    assert line.text == text
    assert said(line) == (places, values)


def test_a_text_that_a_filter_will_not_take_with_its_places_has_its_file_alone(
    template: Template,
) -> None:
    origin = made(template, "odd")
    assert origin.text == "b: a\n"
    line = Line.of(1, origin.text, PurePosixPath("odd"), origin)
    assert line.sources == (Source(PurePosixPath("files/odd.jinja"), ()),)


@pytest.mark.parametrize(
    ("path", "before", "now", "written"),
    [
        # added and changed lines are theirs, and move the others
        ("a.txt", "a\nb\nc\n", "a\nmine\nb\nC\n", [1, None, 2, None]),
        # what is gone moves them, too
        ("a.txt", "a\nb\nc\n", "c", [3]),
        # git may write other line ends
        ("a.txt", "a\nb\n", "a\r\nb\r\n", [1, 2]),
        # only line feeds end a line
        ("a.txt", "a\x0cb\u2028c\nd\n", "mine\na\x0cb\u2028c\nd\n", [None, 1, 2]),
        # a manifest is indented as its project does, and a comma is nobody's
        ("a.json", '{\n  "a": 1\n}\n', '{\n\t"a": 1,\n\t"b": 2\n}\n', [1, 2, None, 3]),
        ("a.py", "if a:\n  b\n", "if a:\n    b\n", [1, None]),
    ],
)
def test_a_line_of_an_edited_file_is_found_again_or_somebodys_own(
    template: Template, path: str, before: str, now: str, written: list[int | None]
) -> None:
    (template.root / "files" / path).write_bytes(before.encode())
    origin = made(template, path)
    found = [
        Line.of(number, now, PurePosixPath(path), origin) for number in range(1, len(written) + 1)
    ]
    assert [line.written for line in found] == written
    for line in found:
        sources = (Source(PurePosixPath("files", path), (), line.written),) if line.written else ()
        assert line.sources == sources


@pytest.mark.parametrize("number", [0, 4])
def test_a_number_out_of_range_is_an_error(number: int) -> None:
    with pytest.raises(UsageError) as error:
        Line.of(number, "a\nb\nc", PurePosixPath("a"), None)
    assert error.value.message == f"a has 3 lines, and no line {number}."
    assert error.value.hint == "Name one from 1 to 3."


def test_it_is_said_on_a_screen_and_in_json(scaffold: Scaffold, project: Path) -> None:
    done = scaffold("explain", "run.json:5", cwd=project)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == """\
run.json:5
  line        "header": "fly-ip",
  written by  the template, whatever the answers
  from        files/run.json.jinja:6
  macro       macros/rows.jinja:2
  rows        host: fly (Fly.io), its header
  owner       managed: updates merge what you and the template change
  state       as written
"""
    )
    image = {"question": "host", "answer": "fly", "label": "Fly.io", "trait": "image"}
    found = json.loads(scaffold("explain", "--json", "demo/run.json:6").stdout)
    assert found["path"] == "run.json"
    assert found["line"] == {
        "number": 6,
        "text": '  "user": 1000,',
        "written_at": 6,
        "sources": [{"path": f"{IMAGE}/_layer/run.jinja", "because_of": [image], "line": 1}],
        "macros": [],
        "answers": [],
        "rows": [{**image, "key": "run.user", "value": 1000}],
        "pins": {},
    }
    assert found["pins"] == {"runtimes.node": "24", "images.node": "node:{node}"}


def test_a_file_names_all_keys_and_pins_that_it_uses(scaffold: Scaffold, project: Path) -> None:
    assert (
        scaffold("explain", "run.json", cwd=project).stdout
        == """\
run.json
  written by  the template, whatever the answers
  from        files/run.json.jinja
  with        trait: image (brought by host: fly), its _layer/run.jinja
              host: fly (Fly.io), its _layer/run.jinja
  answers     project_name: demo
              strict: True
              host: fly
  rows        host: fly (Fly.io), its header
              host: fly (Fly.io), its token
              trait: image (brought by host: fly), its run.user
              trait: image (brought by host: fly), its tools
  pins        runtimes.node: 24
              images.node: node:{node}
  owner       managed: updates merge what you and the template change
  state       as written
"""
    )


def test_a_line_of_a_moved_file_and_ones_own(scaffold: Scaffold, project: Path) -> None:
    git(project, "mv", "run.json", "moved.json")
    text = (project / "moved.json").read_text()
    (project / "moved.json").write_text(text.replace("{\n", '{\n  "mine": 1,\n', 1))
    for path in ("run.json", "moved.json"):
        shown = scaffold("explain", f"{path}:4", cwd=project).stdout
        assert "  from        files/run.json.jinja:4\n  pins        runtimes.node: 24\n" in shown
    own = '  line        "mine": 1,\n  from        you wrote it\n  owner       managed: '
    assert own in scaffold("explain", "moved.json:2", cwd=project).stdout
    (project / "mine.txt").write_text("mine\n")
    assert (
        scaffold("explain", "mine.txt:1", cwd=project).stdout
        == """\
mine.txt:1
  line        mine
  from        you wrote it
  owner       you: the template does not write it
"""
    )


def test_a_file_whose_name_ends_like_that_wins(scaffold: Scaffold, project: Path) -> None:
    def shown(path: str) -> str:
        done = scaffold("explain", path, cwd=project)
        return done.stdout + done.stderr

    assert "  from        files/copied:1\n" in shown("copied:1")
    assert "  line        second\n" in shown("copied:1:2")
    (project / "copied").write_text("mine\n")
    (project / "copied:1").unlink()
    assert "  state       deleted\n" in shown("copied:1")
    assert shown("copied:1:2").startswith("Error: 'copied:1' is not there, so it has no lines.\n")
    assert shown(".:1").startswith("Error: '.' is a folder.\n")


def test_what_is_no_line_is_said_in_two_lines(scaffold: Scaffold, project: Path) -> None:
    for path in ("run.json:0", "run.json:13", "gone.txt:1", f"run.json:{'9' * 18}"):
        done = scaffold("explain", path, cwd=project)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 2


PROJECTS = with_something_new(pairwise("stack", "ci", "hosting"))
TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


@lru_cache(2)
def origins(*answers: tuple[str, str]) -> dict[PurePosixPath, Provenance]:
    """Look up where each file of a project is from."""
    known = resolve(TEMPLATE, dict(answers))
    return {file.path: Provenance.of(file, TEMPLATE, known) for file in rendered(*answers)}


#: The first with each of these stacks: what the others have is looked up in the same way.
SHOWN = [next(row for row in PROJECTS if row["stack"] == stack) for stack in ("node", "static")]


# Of a module, so that both tests of a project, which takes long to look up, follow each other.
@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            row,
            id="-".join(row.values()),
            marks=pytest.mark.slow if row in SHOWN else pytest.mark.nightly,
        )
        for row in PROJECTS
    ],
)
def answers(request: pytest.FixtureRequest) -> dict[str, str]:
    """Give the answers that make a project."""
    found: dict[str, str] = request.param
    return found


def test_each_line_says_what_the_template_says_where_it_is_from(answers: dict[str, str]) -> None:
    """It has the fixed text of the template's line, or it depends on a value that is named."""
    for path, origin in origins(*answers.items()).items():
        for number, pieces in enumerate(origin.text.by_line(), 1):
            line = Line.of(number, origin.text, path, origin)
            assert line.text == "".join(piece.text for piece in pieces).rstrip("\n")
            assert line.sources, f"{path}:{number}"
            fixed = [fixed_text(source) for source in line.sources]
            known = line.inputs.rows + line.inputs.pins + line.inputs.answers
            assert known or not line.text.strip() or any(map(line.text.__contains__, fixed)), (
                f"{path}:{number} is {line.text!r}, and not from {fixed}"
            )


def fixed_text(source: Source) -> str:
    """Give the longest text between the expressions of a template's line."""
    assert source.line
    text = (TEMPLATE.root / source.path).read_text("utf-8")
    there = TAG.sub(lambda tag: "\0" + "\n\0" * tag[0].count("\n"), text).split("\n")
    return max(map(str.strip, there[source.line - 1].split("\0")), key=len)


def _pins(table: dict[str, Any], *keys: str) -> list[tuple[str, ...]]:
    """List the pins, each by its keys."""
    return [
        pin
        for key, value in table.items()
        for pin in (_pins(value, *keys, key) if isinstance(value, dict) else [(*keys, key)])
    ]


def test_another_pin_changes_the_lines_that_depend_on_it_and_no_others(
    answers: dict[str, str],
) -> None:
    """Each fourth pin, a text, is set to a version of its own in a copy of the template."""
    before = {file.path: file for file in rendered(*answers.items())}
    known = origins(*answers.items())
    texts = [keys for keys in _pins(PINS) if re.search(r"\d", str(_at(PINS, keys)))]
    texts = [keys for keys in texts if isinstance(_at(PINS, keys), str)]
    decides = 0
    for keys in texts[::4]:
        other = copy.deepcopy(TEMPLATE.questions)
        table = _at(other["pins"]["default"], keys[:-1])
        table[keys[-1]] = re.sub(
            r"\d", lambda digit: str((int(digit[0]) + 1) % 10), table[keys[-1]]
        )
        template = Template(ROOT, TEMPLATE.source)
        template.__dict__["questions"] = other
        for file in render(template, resolve(template, answers)):
            old, new = (each.content.decode().split("\n") for each in (before[file.path], file))
            assert len(old) == len(new)
            changed = {n for n, (a, b) in enumerate(zip(old, new, strict=True), 1) if a != b}
            pins = known[file.path].inputs.pins
            named = next((pin.lines for pin in pins if pin.key == ".".join(keys)), frozenset())
            assert named == changed, f"{file.path}: {keys}"
            decides += len(changed)
    assert decides


def _at(table: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        table = table[key]
    return table
