"""Settings in Doppler: a project of the service's name, a config for each environment, a service token for each."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from .api import Api
from .errors import Failure
from .platform import Context

#: What a command has no business with that gets the settings.
OPENS = ("DOPPLER_TOKEN", "DOPPLER_TOKEN_SANDBOX", "DOPPLER_TOKEN_TESTBED", "DOPPLER_TOKEN_LIVE")
#: What Doppler adds: where they are from.
ADDED = ("DOPPLER_PROJECT", "DOPPLER_ENVIRONMENT", "DOPPLER_CONFIG")


def check(at: Context) -> None:
    """Note what is missing."""
    at.settings.need("DOPPLER_TOKEN", f"a service token of Doppler that may read the config {at.env}")


def where(at: Context, env: str) -> str:
    """Give where they are kept, in words."""
    return f"Doppler, the config {env} of {_project(at)}"


def read(at: Context, env: str) -> dict[str, str] | None:
    """Give names and values; None without a token for that config. To compare, there may be one for each."""
    settings = at.settings
    token = settings.get("DOPPLER_TOKEN") if env == at.env else settings.get(f"DOPPLER_TOKEN_{env.upper()}")
    if not token:
        return None
    address = settings.get("DOPPLER_API_URL", "https://api.doppler.com")
    api = Api(address, {"Authorization": f"Bearer {token}"}, settings)
    query = urlencode({"project": _project(at), "config": env, "format": "json"})
    found = api.ask(f"/v3/configs/config/secrets/download?{query}", _values)
    if found.get("DOPPLER_CONFIG", env) != env:
        raise Failure(f"the token is one of the config {found['DOPPLER_CONFIG']}")
    return {name: value for name, value in found.items() if name not in ADDED}


def _project(at: Context) -> str:
    return at.settings.get("DOPPLER_PROJECT", at.project.name)


def _values(answer: Any) -> dict[str, str]:  # noqa: ANN401 (JSON)
    if not all(isinstance(value, str) for value in answer.values()):
        raise TypeError("a value is no text")
    return dict(answer)
