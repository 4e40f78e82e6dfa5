"""Where flags are switched from here while the service runs: nowhere as yet."""

from __future__ import annotations

from collections.abc import Mapping

from .errors import Failure
from .flags import FILE, Switch
from .platform import Context


def check(_at: Context) -> None:
    """Note what is missing to reach them."""


def read(_at: Context, _settings: Mapping[str, str]) -> dict[str, Switch]:
    """Give what is switched, by names of flags."""
    return {}


def how(at: Context, settings: Mapping[str, str]) -> str:
    """Say how a flag is switched."""
    if settings.get("FLAGS_URL"):
        return f"flags of {at.env} are switched where its FLAGS_URL is served"
    return f"a switch is a change of {FILE}, then ops/deploy {at.env}"


def change(at: Context, settings: Mapping[str, str], name: str, switch: Switch) -> None:
    """Switch a flag, and keep who did and when."""
    to = "on" if switch.on else "off"
    raise Failure(f"{name} is not switched {to} from here: {how(at, settings)}")
