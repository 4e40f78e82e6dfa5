"""What a vendor publishes of its API: calls are held to it, and answers are made of it."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema
import yaml
from conftest import vendors_file

#: The safe one in C, where there is one: a description has a megabyte.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: What is made up where a description gives a form and nothing else.
MADE = {"string": "text", "integer": 1, "number": 1.0, "boolean": True}
#: What of a rule says nothing to who checks.
UNREAD = ("example", "examples", "description", "externalDocs", "discriminator")
FORMS = {
    "^([a-f0-9]{24})$": "32b6e34b3d91647abb20e7b8",
    r"([\d]+\.[\d]+\.[\d]+)": "8.0.4",
    "date-time": "2026-11-30T03:00:00Z",
}


class Description:
    """A description, in OpenAPI 3.0."""

    def __init__(self, file: str) -> None:
        text = vendors_file(f"specs/{file}").read_text("utf-8")
        self._all = json.loads(text) if file.endswith(".json") else yaml.load(text, _LOADER)  # noqa: S506 (a safe one)
        self._paths = {
            re.compile(re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(path))): (path, known)
            for path, known in self._all["paths"].items()
        }
        self._schemas: dict[tuple[str, ...], tuple[Any, Any]] = {}
        #: What is being read of them, from the outside in.
        self._open: list[int] = []

    def operation(self, method: str, path: str) -> tuple[str, dict[str, Any]]:
        """Give the operation of a call, and its path as it is published."""
        found = [
            (published, known)
            for form, (published, known) in self._paths.items()
            if form.fullmatch(path) and method.lower() in known
        ]
        assert found, f"not published: {method} {path}"
        # One with fewer parameters is meant, should there be two.
        published, known = min(found, key=lambda it: it[0].count("{"))
        return published, {"parameters": [], **known, **known[method.lower()]}

    def held(self, method: str, target: str, accept: str, body: Any) -> None:
        """Hold a call to it: its parameters, what it accepts, its body, and no other keys."""
        parts = urlsplit(target)
        path, operation = self.operation(method, parts.path)
        values = re.fullmatch(
            re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)), parts.path
        )
        assert values
        known = {each["name"]: each for each in map(self._resolved, operation["parameters"])}
        for name, value in values.groupdict().items():
            _said(value, known[name]["schema"], path, name)
        for name, given in parse_qs(parts.query).items():
            _said(given[0], known[name]["schema"], path, name)
        answers = map(self._resolved, operation["responses"].values())
        kinds = [kind for each in answers for kind in each.get("content", {})]
        # Some have their version in it.
        kinds += [known["Accept"]["schema"]["default"]] if "Accept" in known else []
        assert accept in kinds or not kinds, f"{method} {path} gives no {accept}"
        wanted = operation.get("requestBody")
        assert (body is None) == (wanted is None), f"{method} {path}: a body, or none"
        if wanted:
            contents = wanted["content"]
            content = contents.get("application/json") or next(iter(contents.values()))
            _fits(body, self._schema(path, method, content, strict=True)[1], path, "its body")

    def answered(self, method: str, target: str, status: int, said: Any) -> Any:
        """Make a whole answer of what one says; what else it has to have is made up."""
        path, operation = self.operation(method, urlsplit(target).path)
        assert str(status) in operation["responses"], f"{method} {path} never answers {status}"
        contents = list(
            self._resolved(operation["responses"][str(status)]).get("content", {}).values()
        )
        if not contents or status >= 300:
            return said
        rule = self._schema(path, f"{method} {status}", contents[0], strict=False)
        made = filled(rule[0], said)
        _fits(made, rule[1], path, "its answer")
        return made

    def _schema(self, path: str, what: str, content: Any, *, strict: bool) -> tuple[Any, Any]:
        key = (path, what)
        if key not in self._schemas:
            rule = self._plain(content["schema"], strict=strict)
            self._schemas[key] = rule, jsonschema.Draft202012Validator(rule)
        return self._schemas[key]

    def _resolved(self, node: Any) -> Any:
        while isinstance(node, dict) and "$ref" in node:
            found = self._all
            for part in node["$ref"].split("/")[1:]:
                found = found[int(part) if isinstance(found, list) else part]
            node = found
        return node

    def _plain(self, node: Any, *, strict: bool, whole: bool = True, kept: Any = ()) -> Any:
        """Give a rule in JSON Schema; a strict one takes no other keys, nor those only read.

        One that is made of several says so itself: none of its parts knows the `whole`, nor which
        keys are `kept` for another part wants them.
        """
        node = self._resolved(node)
        if isinstance(node, list):
            return [self._plain(each, strict=strict) for each in node]
        if not isinstance(node, dict):
            return node
        if id(node) in self._open:
            return {}  # it has itself in it
        self._open.append(id(node))
        made: dict[str, Any] = {}
        joined = {"allOf"} | ({"oneOf"} if "properties" in node else set())
        kept = {*kept, *(self._needed(node) if node.keys() & joined else ())}
        for key, value in node.items():
            if key == "properties":
                made[key] = {
                    name: self._plain(each, strict=strict)
                    for name, each in value.items()
                    if not (strict and self._resolved(each).get("readOnly") and name not in kept)
                    and (strict or name != "links")
                }
            elif key in joined:
                made[key] = [
                    self._plain(each, strict=strict, whole=False, kept=kept) for each in value
                ]
            elif key not in UNREAD and not (key == "pattern" and "\\p" in value):
                made[key] = (
                    self._plain(value, strict=strict) if isinstance(value, dict | list) else value
                )
        self._open.pop()
        _modern(made, strict=strict and not (node.keys() & joined))
        if strict and whole and node.keys() & joined:
            made["unevaluatedProperties"] = False
        elif strict and whole and "properties" in made:
            made.setdefault("additionalProperties", False)
        return made

    def _needed(self, node: Any) -> set[str]:
        """Give the keys that a rule, or one of its parts, wants."""
        node = self._resolved(node)
        parts = [self._needed(each) for each in node.get("allOf", [])]
        return {*node.get("required", []), *(name for part in parts for name in part)}


def _modern(made: dict[str, Any], *, strict: bool) -> None:
    """Say in JSON Schema what OpenAPI 3.0 says in its own words."""
    for limit in ("minimum", "maximum"):
        # It says of the limit whether that is one itself.
        if made.pop(f"exclusive{limit.title()}", False):
            made[f"exclusive{limit.title()}"] = made.pop(limit)
    if not strict and "oneOf" in made:
        # Some say that an answer is a text or anything.
        made["anyOf"] = made.pop("oneOf")
    if made.pop("nullable", False) and "type" in made:
        made["type"] = [made["type"], "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]


@cache
def description(file: str) -> Description:
    """Read a description once."""
    return Description(file)


def _said(text: str, rule: Any, path: str, what: str) -> None:
    read = rule.get("type") in ("integer", "number", "boolean")
    _fits(json.loads(text) if read else text, jsonschema.Draft202012Validator(rule), path, what)


def _fits(value: Any, validator: Any, path: str, what: str) -> None:
    wrong = [error.message[:300] for error in validator.iter_errors(value)]
    assert not wrong, f"{path}: {what}: {wrong}"


def filled(rule: Any, said: Any) -> Any:
    """Give what is said, and of all that a rule requires beside it something that fits."""
    if "type" not in rule and rule.get("anyOf"):
        rule = next(each for each in [*reversed(rule["anyOf"]), {}] if _takes(each, said))
    if said is not None and not isinstance(said, dict | list):
        return said
    kinds = rule.get("type", "object" if "properties" in rule else "")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if said is None and not isinstance(kinds, str):
        return None
    if isinstance(said, list) or kind == "array":
        return [filled(rule.get("items", {}), each) for each in said or []]
    if isinstance(said, dict) or kind == "object":
        return _object(rule, said or {})
    if "enum" in rule:
        return rule["enum"][0]
    form = FORMS.get(rule.get("pattern", ""), FORMS.get(rule.get("format", "")))
    # What may be anything is a text.
    return form or MADE[kind or "string"]


def _takes(rule: Any, said: Any) -> bool:
    try:
        filled(rule, said)
    except AssertionError:
        return False
    return True


def _known(rule: Any) -> tuple[dict[str, Any], list[str]]:
    """Give the keys of a rule and of its parts, and which are needed."""
    known, needed = dict(rule.get("properties", {})), list(rule.get("required", []))
    for part in rule.get("allOf", []):
        more, also = _known(part)
        known |= more
        needed += also
    return known, needed


def _object(rule: Any, said: dict[str, Any]) -> dict[str, Any]:
    known, needed = _known(rule)
    unknown = set(said) - set(known)
    assert not unknown or not known, f"nobody ever answers {unknown}"
    made = {
        name: None if value is None else filled(known.get(name, {}), value)
        for name, value in said.items()
    }
    return made | {name: filled(known[name], None) for name in needed if name not in made}
