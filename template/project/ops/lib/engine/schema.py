"""What the service reads from its environment, as .env.example documents it; its own tests hold that to its code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from . import dotenv

EXAMPLE = ".env.example"
#: What the files of the platform say, or the image does: no business of those who keep settings.
SAID = ("APP_ENV", "CLIENT_IP_HEADER", "GIT_COMMIT", "HOST", "LOG_LEVEL", "PORT", "VITE_APP_ENV")
#: What the build of a site copies into files that everybody can read.
PUBLIC = "VITE_"


class Variable(NamedTuple):
    """A variable.

    Args:
        type: What it takes, in words.
        secret: Whether nobody may see it.
        shared: Whether that is the same secret in several environments on purpose.
        required: Whether the service does not start without it.
        examples: What it is in examples.
    """

    name: str
    type: str
    secret: bool
    shared: bool
    required: bool
    examples: frozenset[str]

    @property
    def apart(self) -> bool:
        """Whether each environment has to have a value of its own."""
        return self.secret and not self.shared

    def wrong(self, value: str) -> str:
        """Say what is wrong with a value, without it; or nothing."""
        if "\0" in value:
            return "it has a NUL, which no variable can have"
        if value in self.examples and (self.secret or self.required):
            return "it is still the value of the example"
        return "" if fits(value, self.type) else f"expected {article(self.type)}"


def article(type_: str) -> str:
    """Put a type into a sentence."""
    return type_ if re.match("origins|[A-Z]?[a-z]+,", type_) else f"{'an' if type_[0] in 'aeiI' else 'a'} {type_}"


def fits(value: str, type_: str) -> bool:
    """Say whether a value is of a documented type; of types that nobody knows every value is."""
    number = re.fullmatch(r"integer between (\d+) and (\d+)", type_)
    if number:
        return bool(re.fullmatch("[0-9]{1,10}", value)) and int(number[1]) <= int(value) <= int(number[2])
    if re.fullmatch(r"[\w-]+(, [\w-]+)* or [\w-]+", type_):
        return value in re.split(", | or ", type_)
    if type_.startswith("URL "):
        return bool(re.fullmatch(r"[a-z][a-z0-9+.-]*://\S+", value))
    if type_.startswith("origins "):
        return all(re.fullmatch(r"https?://[^\s/?#*]+", each.strip()) for each in value.split(","))
    return type_ != "name of a header" or bool(re.fullmatch("[A-Za-z0-9-]+", value))


def documented(env: str, folder: Path = Path()) -> dict[str, Variable]:
    """Read it; values of the example of an environment are examples, too, but for public ones: a site is built so."""
    text = (folder / EXAMPLE).read_text("utf-8")
    shown = dotenv.parse(text, EXAMPLE)
    more = folder / f".env.{env}.example"
    told: Mapping[str, str] = dotenv.read(more) if more.exists() else {}
    found: dict[str, Variable] = {}
    for block in re.split(r"\n\s*\n", text):
        name = re.search(r"^(\w+)=", block, re.MULTILINE)
        if name:
            says = dict(re.findall(r"^# (Type|Secret|Default): (.*?) *$", block, re.MULTILINE))
            examples = frozenset(filter(None, (shown.get(name[1], ""), told.get(name[1], ""))))
            secret = says.get("Secret", "")
            given = name[1].startswith(PUBLIC) and bool(told.get(name[1]))
            required = "required" in says.get("Default", "") and not given
            flags = (secret.startswith("yes"), "shared" in secret, required)
            found[name[1]] = Variable(name[1], says.get("Type", "string"), *flags, examples)
    return found


def problems(values: Mapping[str, str], variables: Mapping[str, Variable]) -> list[str]:
    """Say what is wrong with the settings of an environment, a line for each, without a value."""
    lacks = [name for name, it in variables.items() if it.required and not values.get(name)]
    unknown = [name for name in values if name not in variables]
    public = [name for name, it in variables.items() if it.secret and name.startswith(PUBLIC)]
    wrong = {name: variables[name].wrong(value) for name, value in values.items() if name in variables}
    return [
        *(f"{name}: missing, and the service does not start without it" for name in lacks),
        *(f"{name}: not in {EXAMPLE}, so the service does not read it" for name in unknown),
        *(f"{name}: a secret in {EXAMPLE}, and the build of a site gives {PUBLIC}… to everybody" for name in public),
        *(f"{name}: {what}" for name, what in wrong.items() if what),
    ]
