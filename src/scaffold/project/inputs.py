"""Which values a file's text depends on: keys of rows, pins, answers.

A value can decide over a line without being in it, so each is tried: the file is rendered once
more with another value, and the lines that differ depend on it. The choice of options stays what
it is meanwhile. A value without which the file cannot be rendered is left out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import meta, nodes

from scaffold.project.cause import Cause, names, traits
from scaffold.template.questions import Question
from scaffold.template.renderer import context
from scaffold.template.tracing import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from scaffold.files import File
    from scaffold.template.answers import Answers
    from scaffold.template.definition import Template

#: By these an option or a trait is chosen, and its row is found.
IDENTITY = frozenset({"axis", "id", "traits"})
#: The variables that a template's rows and pins are in, and its switches of options.
CATALOG, TRAITS, PINS, USE = "catalog", "traits", "pins", "use"


@dataclass(frozen=True, slots=True)
class Input:
    """A value that a file's text depends on.

    Attributes:
        cause: The option or trait whose row has it, or the answer that it is; none for a pin.
        key: Its place in the row or among the pins, as in `runtimes.node`; empty for an answer.
        value: What it is.
        lines: The numbers of the lines that depend on it.
    """

    cause: Cause | None
    key: str
    value: Any
    lines: frozenset[int]


@dataclass(frozen=True, slots=True)
class Inputs:
    """All values that a file's text depends on.

    Attributes:
        rows: Keys of options' and traits' rows.
        pins: Pins.
        answers: Answers.
    """

    rows: tuple[Input, ...] = ()
    pins: tuple[Input, ...] = ()
    answers: tuple[Input, ...] = ()

    @classmethod
    def of(
        cls, file: File, template: Template, answers: Answers, parsed: Iterable[nodes.Template]
    ) -> Inputs:
        """Try every value that a file may depend on.

        Args:
            file: The file, which the template renders.
            template: What writes it.
            answers: To the template's questions.
            parsed: The template's file that it is made from, and those that this takes.
        """
        trials = _Trials(file, template, answers, list(parsed))
        return cls(tuple(trials.rows()), tuple(trials.pins()), tuple(trials.answers()))

    def at(self, line: int) -> Inputs:
        """Give those that one line depends on."""
        kinds = (self.rows, self.pins, self.answers)
        return Inputs(*(tuple(one for one in kind if line in one.lines) for kind in kinds))


class _Leaf(NamedTuple):
    """A value in a variable of the template, by the keys and indices that lead to it."""

    variable: str
    keys: tuple[Any, ...]


class _Trials:
    """A file that is rendered again and again, each time with other values."""

    def __init__(
        self, file: File, template: Template, answers: Answers, parsed: list[nodes.Template]
    ) -> None:
        self.template = template
        self.known = answers
        self.compiled = template.environment.get_template(file.origin.as_posix())
        self.before = lines(file.content.decode("utf-8", "replace"))
        #: The names of keys that it says outright.
        self.said = {name for one in parsed for name in _said(one)}
        #: The questions that are worked out from variables, and which these are.
        self.computed = {
            name: names(template, spec["default"])
            for name, spec in template.questions.items()
            if name not in {*answers.stored, CATALOG, TRAITS, PINS, USE}
            and isinstance(spec.get("default"), str)
        }
        self.options = template.catalog.chosen(answers.values)
        self.traits = traits(template, answers)
        self.used = set[str]().union(*map(meta.find_undeclared_variables, parsed))
        for name, variables in reversed(self.computed.items()):
            self.used |= variables if name in self.used else set()

    def rows(self) -> Iterator[Input]:
        """Try the keys of rows: another value, or none at all where the template says the key."""
        for variable, row, cause in self._rows():
            keys = {k: v for k, v in self.known.values[variable][row].items() if k not in IDENTITY}
            found: list[tuple[_Leaf, frozenset[int]]] = []
            for is_said in (True, False):
                some = {key: value for key, value in keys.items() if (key in self.said) is is_said}
                found += self._search(_leaves(some, variable, row), _other)
            whole = [_Leaf(variable, (row, key)) for key in keys if key in self.said]
            found += self._search(whole, lambda _: _GONE)
            yield from self._inputs(cause, found, depth=1)

    def _rows(self) -> Iterator[tuple[str, int, Cause]]:
        """Give the row of each chosen option and its traits: where it is, and whose."""
        chosen = {(o.axis, o.id): Cause.of(o) for o in self.options}
        known = self.known.values
        for index, row in enumerate(known.get(CATALOG, ()) if CATALOG in self.used else ()):
            if (row["axis"], row["id"]) in chosen:
                yield CATALOG, index, chosen[row["axis"], row["id"]]
        for index, row in enumerate(known.get(TRAITS, ()) if TRAITS in self.used else ()):
            if row["id"] in self.traits:
                yield TRAITS, index, self.traits[row["id"]]

    def pins(self) -> Iterator[Input]:
        """Try the pins."""
        pins = self.known.values.get(PINS, {}) if PINS in self.used else {}
        yield from self._inputs(None, self._search(_leaves(pins, PINS), _other), depth=0)

    def answers(self) -> Iterator[Input]:
        """Try the answers, and the switches of what they choose."""
        switches = {Cause.of(o): _Leaf(USE, (o.axis, o.id)) for o in self.options}
        switches |= {cause: _Leaf(USE, ("trait", name)) for name, cause in self.traits.items()}
        values = [_Leaf(name, ()) for name in self.known.remembered]
        for leaf, decided in self._search(values, _other):
            yield Input(self._cause(leaf.variable), "", self._at(leaf), decided)
        for cause, leaf in switches.items() if USE in self.used else ():
            for _, decided in self._search([leaf], lambda _: ""):
                yield Input(cause, "", cause.answer, decided)

    def _cause(self, name: str) -> Cause:
        chosen = (Cause.of(option) for option in self.options if option.axis == name)
        return next(chosen, Cause(name, self.known.values[name]))

    def _inputs(
        self, cause: Cause | None, found: Iterable[tuple[_Leaf, frozenset[int]]], depth: int
    ) -> Iterator[Input]:
        """Join what was found of the items of one list."""
        joined: dict[_Leaf, frozenset[int]] = {}
        for leaf, decided in found:
            number = next(
                (n for n, k in enumerate(leaf.keys) if n >= depth and type(k) is int), None
            )
            whole = _Leaf(leaf.variable, leaf.keys[:number])
            joined[whole] = joined.get(whole, frozenset()) | decided
        for leaf, decided in joined.items():
            inner = [lines for each, lines in joined.items() if each.keys[:-1] == leaf.keys]
            own = decided.difference(*inner)  # of a mapping, what no key of it decides
            if own or not inner:
                yield Input(cause, ".".join(map(str, leaf.keys[depth:])), self._at(leaf), own)

    def _at(self, leaf: _Leaf) -> Any:
        value = self.known.values[leaf.variable]
        for key in leaf.keys:
            value = value[key]
        return value

    def _search(
        self, leaves: list[_Leaf], change: Callable[[Any], Any]
    ) -> Iterator[tuple[_Leaf, frozenset[int]]]:
        """Find the values that matter, by halves: most do not."""
        after = self._rendered(leaves, change) if leaves else self.before
        if after == self.before:
            return
        if len(leaves) > 1:
            middle = len(leaves) // 2
            yield from self._search(leaves[:middle], change)
            yield from self._search(leaves[middle:], change)
        elif after is not None:
            yield leaves[0], _differing(self.before, after)

    def _rendered(self, leaves: list[_Leaf], change: Callable[[Any], Any]) -> list[str] | None:
        """Render the file with other values; nothing when they do not go with the rest."""
        values = dict(self.known.values)
        others = {leaf.variable for leaf in leaves}
        try:
            for name in others:
                paths = [leaf.keys for leaf in leaves if leaf.variable == name]
                values[name] = _changed(values[name], paths, change)
            for name, variables in self.computed.items():
                if name in self.used and variables & others:
                    known = {**self.template.context, **self.known.carried, **values}
                    spec = self.template.questions[name]
                    values[name] = Question(name, spec, self.template.environment, known).default
                    others.add(name)
            changed = replace(self.known, values=values)
            return lines(self.compiled.render(context(self.template, changed)))
        except Exception:  # noqa: BLE001  # a template may fail in any way
            return None


_GONE = object()


def _other(value: Any) -> Any:
    """Give another value of the same kind."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else f"{'' if value is None else value}x"


def _leaves(value: Any, variable: str, *keys: Any) -> list[_Leaf]:
    """List the values that a value is made of."""
    if not isinstance(value, dict | list):
        return [_Leaf(variable, keys)]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [leaf for key, each in items for leaf in _leaves(each, variable, *keys, key)]


def _changed(value: Any, paths: list[tuple[Any, ...]], change: Callable[[Any], Any]) -> Any:
    """Change a value at some paths, in a copy."""
    if () in paths:
        return change(value)
    inner = defaultdict(list)
    for first, *rest in paths:
        inner[first].append(tuple(rest))
    copy = value.copy()
    for key, rests in inner.items():
        copy[key] = _changed(copy[key], rests, change)
        if copy[key] is _GONE:
            del copy[key]
    return copy


def _said(parsed: nodes.Template) -> Iterator[str]:
    yield from (node.attr for node in parsed.find_all(nodes.Getattr))
    yield from (str(node.value) for node in parsed.find_all(nodes.Const))


def _differing(before: list[str], after: list[str]) -> frozenset[int]:
    """Give the numbers of the lines that are not there afterwards."""
    if len(before) == len(after):
        pairs = zip(before, after, strict=True)
        return frozenset(n for n, (one, other) in enumerate(pairs, 1) if one != other)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    kept = {block.a + n for block in matcher.get_matching_blocks() for n in range(block.size)}
    return frozenset(n + 1 for n in range(len(before)) if n not in kept)
