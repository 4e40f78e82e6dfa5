"""Settings in env files: .env.ENV on a machine, in a pipeline the provider's own secrets and variables.

Those come one by one, as environment variables; DOTENV, if there is one, is more of them: the lines of such a file.
"""

from __future__ import annotations

from pathlib import Path

from . import dotenv
from .platform import Context
from .schema import documented

#: What a command has no business with that gets the settings.
OPENS = ("DOTENV",)


def check(at: Context) -> None:
    """Note what is missing: nothing."""
    del at


def where(at: Context, env: str) -> str:
    """Give where they are kept, in words."""
    return f"the settings of the pipeline for {env}" if _handed_over(at, env) else f".env.{env}"


def read(at: Context, env: str) -> dict[str, str] | None:
    """Give names and values; None where there is no such file."""
    if not _handed_over(at, env):
        file = Path(f".env.{env}")
        return dotenv.read(file) if file.exists() else None
    told = at.settings.environment
    names = ("SETTINGS_KEY", *at.project.settings, *documented(env))
    return {**dotenv.parse(told.get("DOTENV", ""), "DOTENV"), **{name: told[name] for name in names if told.get(name)}}


def _handed_over(at: Context, env: str) -> bool:
    """Say whether it is a pipeline, which has those of one environment."""
    return bool(at.settings.get("CI")) and env == at.env
