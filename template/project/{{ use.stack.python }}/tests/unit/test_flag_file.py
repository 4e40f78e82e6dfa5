import json
from typing import Any

import pytest

from app.flag_file import FlagFile, merged, parse_flags

FLAG: dict[str, Any] = {
    "state": "ENABLED",
    "variants": {"on": True, "off": False},
    "defaultVariant": "off",
    "targeting": {"if": [True, "on"]},
}


def file(**flags: Any) -> FlagFile:
    return parse_flags(json.dumps({"flags": flags}))


def flags(*files: FlagFile, **switches: bool) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(merged(files, switches))["flags"]
    return {name: {key: flag[key] for key in FLAG} for name, flag in found.items()}


def test_what_flagd_takes_is_taken() -> None:
    more = {"$schema": "x", "$evaluators": {"inside": {"in": ["@example.com", {"var": "email"}]}}}
    metadata = {"owner": "us", "stays": True}
    text = json.dumps({**more, "flags": {"a": {**FLAG, "metadata": metadata, "note": "x"}}})
    found = json.loads(merged([parse_flags(text)], {}))
    assert found["$evaluators"] == more["$evaluators"]
    assert found["flags"] == {"a": {**FLAG, "metadata": metadata}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        "[]",
        "{}",
        '{"flags": []}',
        '{"flags": {"a": {}}}',
        '{"flags": {"a": {"state": "ON", "variants": {"on": true}}}}',
        '{"flags": {"a": {"state": "ENABLED", "variants": {}}}}',
        '{"flags": {"a": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "no"}}}',
        '{"flags": {"a": {"state": "ENABLED", "variants": {"on": true}, "targeting": "on"}}}',
    ],
)
def test_anything_else_is_not(text: str) -> None:
    with pytest.raises(ValueError, match=": "):
        parse_flags(text)


def test_a_later_file_counts_more_flag_by_flag() -> None:
    disabled = FLAG | {"state": "DISABLED"}
    assert flags(file(a=FLAG, b=FLAG), file(b=disabled)) == {"a": FLAG, "b": disabled}


@pytest.mark.parametrize(("on", "variant"), [(True, "on"), (False, "off")])
def test_what_is_switched_is_so_for_everybody(on: bool, variant: str) -> None:
    switched = FLAG | {"defaultVariant": variant, "targeting": {}}
    assert flags(file(a=FLAG), a=on, other=on) == {"a": switched}


def test_what_has_no_such_variant_can_only_be_switched_off() -> None:
    colour = FLAG | {"variants": {"on": "blue", "off": "red"}}
    assert flags(file(colour=colour), colour=True) == {"colour": colour}
    assert flags(file(colour=colour), colour=False) == {"colour": colour | {"state": "DISABLED"}}
