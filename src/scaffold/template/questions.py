"""What a template asks, and what counts as an answer.

The rules are Copier's: the same answers give the same project with either.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from scaffold.errors import TemplateError, UsageError
from scaffold.wording import nearest, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scaffold.template.environment import Environment


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to answer a question.

    Attributes:
        label: What a person reads.
        value: What is stored.
        misfit: Why it cannot be chosen beside the answers so far; empty when it can.
    """

    label: str
    value: Any
    misfit: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A question as the template declares it, in the light of the answers so far.

    Attributes:
        name: Its key in the answers.
        spec: What the template says about it.
        environment: Where its templated parts are rendered.
        context: The answers so far.
    """

    name: str
    spec: Mapping[str, Any]
    environment: Environment
    context: Mapping[str, Any]

    @property
    def type(self) -> str:
        """The type of its answers: `str`, `bool`, `int`, `float`, `json`, `yaml` or `path`."""
        if "type" in self.spec:
            return str(self._render(self.spec["type"]))
        implied = type(self.spec.get("default")).__name__
        return implied if implied in _CASTS else "yaml"

    @property
    def help(self) -> str:
        """What a person is asked."""
        return str(self._render(self.spec.get("help", ""))) or self.name

    @property
    def asked(self) -> bool:
        """Whether it applies; one that does not is computed and never stored."""
        return _bool(self._render(self.spec.get("when", True)))

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The answers it allows; none at all when any answer will do."""
        given = self.spec.get("choices", ())
        if isinstance(given, str):
            given = yaml.load(self._render(given), Loader=_LOADER)  # noqa: S506 (a safe one)
        pairs = given.items() if isinstance(given, dict) else given
        return tuple(self._choice(pair) for pair in pairs)

    def _choice(self, pair: Any) -> Choice:
        label, value = pair if isinstance(pair, tuple | list) else (pair, pair)
        misfit = ""
        if isinstance(value, dict):
            misfit = self._render(value.get("validator", ""))
            value = value["value"]
        return Choice(str(self._render(label)), self._cast(self._render(value)), str(misfit))

    @property
    def default(self) -> Any:
        """The answer when nobody gives one.

        Raises:
            TemplateError: When the template has no valid one.
        """
        if "default" not in self.spec:
            raise TemplateError(f"The template's question '{self.name}' has no default.")
        value = self._render(self.spec["default"])
        try:
            return self.parse(value) if self.asked else self._cast(value)
        except UsageError as error:
            raise TemplateError(
                f"The template's default for '{self.name}' does not fit: {error.message}",
                f"Give an answer with -d {self.name}=…",
            ) from error

    def parse(self, answer: Any) -> Any:
        """Turn what was given into an answer.

        Raises:
            UsageError: When it is not one; says what would be.
        """
        try:
            value = self._cast(answer)
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"{shown(answer)} is no answer to '{self.name}': it takes a {self.type}.",
                str(error).splitlines()[0] if str(error) else "",
            ) from error
        self._check_choice(value)
        problem = str(self._render(self.spec.get("validator", ""), {self.name: value})).strip()
        if problem:
            raise UsageError(
                f"{shown(answer)} is no answer to '{self.name}'.",
                f"{problem[0].upper()}{problem[1:]}.",
            )
        return value

    def _check_choice(self, value: Any) -> None:
        choices = self.choices
        fitting = [choice for choice in choices if not choice.misfit]
        for choice in choices:
            if choice.value == value:
                if choice.misfit:
                    raise UsageError(
                        f"{shown(value)} cannot be chosen for '{self.name}': {choice.misfit}.",
                        f"What fits: {_listed(fitting)}. Give one: "
                        f"-d {self.name}={fitting[0].value if fitting else '…'}",
                    )
                return
        if choices:
            raise UsageError(
                f"{shown(value)} is no choice for '{self.name}'.",
                nearest(str(value), [str(c.value) for c in choices])
                + f"The choices are {_listed(choices)}.",
            )

    def _cast(self, value: Any) -> Any:
        cast = _CASTS.get(self.type)
        if cast is None:
            raise TemplateError(f"The template's question '{self.name}' has type {self.type}.")
        try:
            return cast(value)
        except (TypeError, AttributeError):
            if self.type in {"json", "yaml"}:  # a value already, not text to be read
                return value
            raise

    def _render(self, value: Any, extra: Mapping[str, Any] | None = None) -> Any:
        if isinstance(value, list):
            return [self._render(item) for item in value]
        if not isinstance(value, str):
            return value
        return self.environment.text(value).render({**self.context, **(extra or {})})


def _listed(choices: Any) -> str:
    return ", ".join(str(choice.value) for choice in choices)


def _bool(value: Any) -> bool:
    with suppress(TypeError, ValueError):
        return bool(float(value))
    if isinstance(value, str):
        word = value.strip().lower()
        if word in {"", "n", "no", "f", "false", "off", "~", "null", "none"}:
            return False
    return bool(value)


def _str(value: Any) -> str:
    if isinstance(value, str | int | float | bool):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not text")


def _yaml(value: Any) -> Any:
    if not isinstance(value, str):
        raise TypeError
    try:
        return yaml.load(value, Loader=_LOADER)  # noqa: S506 (a safe one)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


#: In C, where PyYAML has it: most of what is read is the template's catalogue.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CASTS: Mapping[str, Callable[[Any], Any]] = {
    "bool": _bool,
    "float": float,
    "int": int,
    "json": json.loads,
    "path": str,
    "str": _str,
    "yaml": _yaml,
}
