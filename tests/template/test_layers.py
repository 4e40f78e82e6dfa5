"""An option is one folder, a trait of stacks too: what every row and folder must keep to."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import jsonschema
import pytest
import yaml
from conftest import OPS, PINS, ROOT, RUNTIME, TABLES, TEMPLATE, vendors_file

PROJECT = TEMPLATE.files_root
SWITCH = re.compile(r"\{\{ use\.(?P<axis>[a-z]+)\.(?P<id>[a-z_]+) \}\}")
LAYERS = {
    path.parents[1]: yaml.safe_load(path.read_text())
    for path in PROJECT.glob("*/_layer/option.yml")
}

#: What stacks have in common, by name, and the folders of those traits that write something.
TRAITS = {trait for row in LAYERS.values() for trait in row.get("traits", ())}
SHARED = {
    path: match["id"]
    for path in PROJECT.iterdir()
    if (match := SWITCH.fullmatch(path.name)) and match["axis"] == "trait"
}

SCHEMA = json.loads((ROOT / "template/option.schema.json").read_text())


@cache
def emitted(layer: Path) -> dict[str, list[str]]:
    """Give the paths that a layer writes, each with the switches of the pairs it is inside of."""
    paths: dict[str, list[str]] = {}
    for file in layer.rglob("*"):
        parts = file.relative_to(layer).parts
        if file.is_file() and "_layer" not in parts:
            pairs = [part for part in parts if SWITCH.fullmatch(part)]
            plain = "/".join(part for part in parts if part not in pairs)
            paths[plain.removesuffix(".jinja")] = pairs
    return paths


@cache
def of_all() -> set[str]:
    """Give the paths that every project has."""
    return {
        path.relative_to(PROJECT).as_posix().removesuffix(".jinja")
        for path in PROJECT.rglob("*")
        if path.is_file() and not SWITCH.match(path.relative_to(PROJECT).parts[0])
    }


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_a_row_keeps_to_the_schema(layer: Path) -> None:
    row = LAYERS[layer]
    jsonschema.validate(row, SCHEMA)
    assert row["axis"] in TEMPLATE.questions


@pytest.mark.parametrize("layer", SHARED, ids=lambda layer: layer.name)
def test_a_trait_is_one_that_stacks_have(layer: Path) -> None:
    assert SHARED[layer] in TRAITS
    said = yaml.safe_load((layer / "_layer/trait.yml").read_text())
    assert said["id"] == SHARED[layer]
    jsonschema.validate(said, {**SCHEMA, "required": ["id"]})


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_a_folder_is_named_after_its_row(layer: Path) -> None:
    row = LAYERS[layer]
    assert layer.name == f"{{{{ use.{row['axis']}.{row['id'].replace('-', '_')} }}}}"


def test_every_folder_with_a_switch_has_a_row() -> None:
    switches = {path for path in PROJECT.iterdir() if SWITCH.fullmatch(path.name)}
    assert switches == {*LAYERS, *SHARED}


def test_no_setting_waits_for_an_answer() -> None:
    """Copier reads seeds before it asks: where one wants an answer, an update breaks off."""
    assert "_skip_if_exists" in TEMPLATE.settings
    for name, value in TEMPLATE.settings.items():
        assert not re.search(r"\{[{%]", json.dumps(value)), name


def test_order_decides_between_the_options_of_an_axis() -> None:
    for axis in {row["axis"] for row in LAYERS.values()}:
        orders = [row["order"] for row in LAYERS.values() if row["axis"] == axis]
        assert len(orders) == len(set(orders)), f"two options of {axis} share an order"


def with_it(layer: Path) -> dict[str, set[str]]:
    """Give, for each axis that decides whether a layer is in a project, the options with it."""
    if layer in LAYERS:
        return {LAYERS[layer]["axis"]: {LAYERS[layer]["id"]}}
    rows = [row for row in LAYERS.values() if SHARED[layer] in row.get("traits", ())]
    (axis, *others) = {row["axis"] for row in rows}
    # A trait of two axes may be there by either.
    return {} if others else {axis: {row["id"] for row in rows}}


def together(layer: Path, other: Path) -> bool:
    """Tell whether one project may have the files of both."""
    ours, theirs = with_it(layer), with_it(other)
    return all(ours[axis] & theirs[axis] for axis in ours.keys() & theirs.keys())


@pytest.mark.parametrize("layer", [*LAYERS, *SHARED], ids=lambda it: it.name)
def test_no_two_layers_write_one_path(layer: Path) -> None:
    others = {it: emitted(it) for it in [*LAYERS, *SHARED] if it != layer and together(layer, it)}
    # Windows and macOS take names that differ in case alone for one.
    ours = {path.lower() for path in emitted(layer)}
    for other, theirs in {**others, PROJECT: of_all()}.items():
        assert not ours & {path.lower() for path in theirs}, other.name


def test_names_are_legal_on_windows() -> None:
    reserved = re.compile(r"(aux|con|nul|prn|com\d|lpt\d)(\..*)?", re.IGNORECASE)
    for path in PROJECT.rglob("*"):
        name = path.name.removesuffix(".jinja")
        assert not re.search(r'[<>:"|?*\\]', name), path
        assert not name.endswith((" ", ".")), path
        assert not reserved.fullmatch(name), path


def test_names_hold_switches_and_no_statements() -> None:
    for path in PROJECT.rglob("*"):
        assert "{%" not in path.name
        if "{{" in path.name:
            assert SWITCH.fullmatch(path.name) or path.name.startswith("{{ _copier_conf."), path


def test_symlinks_are_avoided_because_copier_follows_them() -> None:
    assert not [path for path in PROJECT.rglob("*") if path.is_symlink()]


def test_nothing_in_the_template_makes_plain_copier_demand_trust() -> None:
    for key in ("_tasks", "_migrations", "_jinja_extensions", "_external_data"):
        assert key not in TEMPLATE.settings


def test_every_action_image_tool_and_runtime_is_named_in_the_pin_table_alone() -> None:
    for path in PROJECT.rglob("*"):
        # What only one option has is in its own part of the table.
        if not path.is_file() or path.match("_layer/pins.yml"):
            continue
        text = path.read_text("utf-8")
        assert not re.search(r"uses: (?!\./)\S+@[0-9a-z.]", text), (
            f"{path}: an action not from the table"
        )
        # In a module of Python it is a word, or a parameter.
        image = r"^FROM [a-z]" if path.suffix == ".py" else r"^FROM [a-z]|image: [a-z]"
        assert not re.search(image, text, re.MULTILINE), f"{path}: an image"
        assert not re.search(r"\b[0-9a-f]{40}\b|\b[0-9a-f]{64}\b", text), f"{path}: a pin"
        # The tasks run on a machine's own Python.
        named = {(name.lower(), version) for name, version in RUNTIME.findall(text)}
        assert named <= ({OPS} if "ops" in path.parts else set()), f"{path}: a runtime's version"


@pytest.mark.parametrize("registry", ["npm", "python"])
def test_every_dependency_has_one_exact_version_in_the_pin_table(registry: str) -> None:
    rows = [*LAYERS.values(), *TEMPLATE.questions["traits"]["default"]]
    needed = {
        name
        for row in rows
        for key in ("dependencies", "development")
        for name in row.get(key, {}).get(registry, ())
    }
    pinned = [pin for table in TABLES for pin in table.get(registry, {}).items()]
    assert needed <= {name for name, _ in pinned}
    assert len(pinned) == len(dict(pinned)), "one is pinned twice"
    # OpenTelemetry's exporter for Prometheus has no release that is not a beta.
    exact = r"\d+(\.\d+){2,3}|0\.\d+b\d+"
    assert all(re.fullmatch(exact, version) for _, version in pinned)


def test_types_are_those_of_the_pinned_node() -> None:
    assert PINS["npm"]["@types/node"].partition(".")[0] == PINS["runtimes"]["node"]


def test_actions_are_pinned_to_the_commits_that_were_reviewed() -> None:
    lines = vendors_file("action-pins.tsv").read_text("utf-8").splitlines()
    reviewed = {line.split("\t")[0]: line.split("\t")[1:3] for line in lines}
    for action, pin in PINS["actions"].items():
        assert [pin["tag"], pin["commit"]] == reviewed[action]


def test_the_pin_table_names_whole_commits_and_exact_versions() -> None:
    for action, pin in PINS["actions"].items():
        assert re.fullmatch(r"[0-9a-f]{40}", pin["commit"]), action
        assert re.fullmatch(r"v\d+\.\d+\.\d+", pin["tag"]), action
    for tool, pin in PINS["tools"].items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", pin["version"]), tool
        assert pin["from"].startswith("https://"), tool
        assert pin["version"] in pin["from"], tool
        assert {"x86_64", "aarch64"} <= set(pin["files"]), tool
        assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for _, digest in pin["files"].values()), (
            tool
        )
