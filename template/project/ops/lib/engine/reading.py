"""The settings of an environment, read from where they are kept, and held to what the service documents."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from . import dotenv, store
from .errors import Failure, otherwise
from .platform import ENVIRONMENTS, Context
from .record import Record
from .schema import SAID, documented, problems

#: A secret beside the settings: whoever has it can tell whether two values are the same, by what is on record of them.
KEY = "SETTINGS_KEY"
LEAST = 32


def fingerprint(key: str, name: str, value: str) -> str:
    """Make what stands for a value on record: without the key nobody can tell whether a guess is right."""
    if not key:
        return ""
    import hmac  # slow to load

    return hmac.new(key.encode(), f"{name}={value}".encode(), "sha256").hexdigest()[:32]


class Settings(NamedTuple):
    """What the service is to be told, and the key of fingerprints, if there is one."""

    values: dict[str, str]
    key: str = ""

    def marks(self) -> dict[str, str]:
        """Give what goes on record: names and fingerprints, empty ones without a key."""
        return {name: fingerprint(self.key, name, value) for name, value in self.values.items()}


def check(at: Context) -> None:
    """Note what is missing to read them; a file that somebody names wants nothing."""
    if not at.settings.get("SETTINGS_FILE"):
        store.check(at)


def read(at: Context, env: str = "") -> Settings | None:
    """Read them; None where this machine does not have them, so that they stay as they are.

    SETTINGS_FILE names a file to take in place of what is kept elsewhere.
    """
    env = env or at.env
    where, file = store.where(at, env), at.settings.get("SETTINGS_FILE") if env == at.env else ""
    with otherwise(f"the settings of {env} could not be read from {file or where}"):
        if file:
            at.console.say(f"the settings of {env} are those of {file}, not of {where}")
        found = dotenv.read(Path(file)) if file else store.read(at, env)
        return None if found is None else _checked(found, env)


def _checked(found: Mapping[str, str], env: str) -> Settings:
    for name, value in found.items():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Failure(f"the value of {name} is no UTF-8") from None
    if found.get("APP_ENV", env) != env:
        raise Failure(f"they are those of {found['APP_ENV']}, as their APP_ENV says")
    key = found.get(KEY, "")
    if key and len(key) < LEAST:
        raise Failure(f"{KEY} is shorter than {LEAST} characters; make another: openssl rand -hex 32")
    return Settings(for_service(found), key)


def for_service(found: Mapping[str, str]) -> dict[str, str]:
    """Give those that the service is told; what is empty counts as missing."""
    return {name: value for name, value in found.items() if value and name not in (KEY, *SAID)}


def hold(at: Context, found: Settings, *, everywhere: bool = False) -> None:
    """Stop if the service cannot read them, or if a secret is that of another environment, too.

    What other environments have is on record, as fingerprints; `everywhere` reads it where it is kept, if it may.
    """
    variables = documented(at.env)
    secrets = [name for name in found.values if name in variables and variables[name].apart]
    wrong = problems(found.values, variables)
    for env in ENVIRONMENTS if secrets else ():
        if env != at.env:
            wrong += _alike(at, found, env, secrets, everywhere=everywhere)
    for line in wrong:
        at.console.say(line)
    if wrong:
        where = store.where(at, at.env)
        raise Failure(f"the settings of {at.env} are not as they have to be: correct them in {where}")


def _alike(at: Context, found: Settings, env: str, secrets: list[str], *, everywhere: bool) -> list[str]:
    """Say which secrets two environments share, a line for each."""
    theirs = None
    if everywhere:
        try:
            theirs = read(at, env)
        except Failure as error:
            at.console.confess(error)
    if theirs is not None:
        same = [name for name in secrets if theirs.values.get(name) == found.values[name]]
    elif found.key and at.kept:
        record = Record(env, at.git)
        record.read()
        same = [name for name in secrets if record.told.get(name) == fingerprint(found.key, name, found.values[name])]
    else:
        same = []
        if everywhere:
            at.console.say(f"not compared with the secrets of {env}, which are not here: there is no {KEY}")
    return [f"{name}: {env} has the same value; each environment needs its own" for name in same]


def read_well(at: Context) -> Settings | None:
    """Read them, and stop if anything is wrong with them."""
    found = read(at)
    if found is not None:
        hold(at, found)
    return found
