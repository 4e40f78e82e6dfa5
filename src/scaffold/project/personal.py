"""What a package manager is told of a person's settings when a lock file is made for everybody.

That is where packages come from and how to get there: registries, passwords, proxies,
certificates, the cache. Anything else, such as the newest date that a careful person takes, or the
format of an old npm, stays out: with it the lock file is out of date, or another, elsewhere.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaffold.git.process import without_password

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Settings of npm, as they are called in an .npmrc.
NPM = re.compile(
    r"(@[^:]+:)?registry|//.+|_auth(token)?|_password|username|always-auth"
    r"|ca|cafile|cert|key|strict-ssl|(https?-)?proxy|no-?proxy|local-address"
    r"|fetch-.+|maxsockets|cache|offline|prefer-(off|on)line|prefix|userconfig|globalconfig"
)
#: Settings of uv, as they are called in a uv.toml.
UV = re.compile(
    r"((default|extra)-)?index(-.+)?|no-index|find-links|keyring-provider|credentials-dir|.+-endpoint-url"
    r"|(allow-)?insecure-host|native-tls|system-certs|ssl-.+|(https?|no)-proxy"
    r"|http-.+|concurrent-downloads|cache-dir|no-cache|offline|python-(install-dir|search-path)"
)
#: What else makes npm or uv choose otherwise, or speak of somebody's other project.
ELSE = {"NODE_ENV", "VIRTUAL_ENV", "CONDA_PREFIX"}


def environment(prefix: str, kept: re.Pattern[str], given: Mapping[str, str]) -> dict[str, str]:
    """Give an environment without the settings in it that are not kept."""
    return {
        name: value
        for name, value in given.items()
        if name not in ELSE
        and (not name.lower().startswith(prefix) or kept.fullmatch(_key(name[len(prefix) :])))
    }


def _key(name: str) -> str:
    """Give the setting that a variable stands for."""
    return re.sub(r"(?!^)_", "-", name).lower() if name[:2] != "//" else name


def npmrc(lines: Iterable[str]) -> str:
    """Give the lines of an .npmrc that are kept, as they stand: npm puts variables into them."""
    keys = ((line.partition("=")[0].strip().removesuffix("[]"), line) for line in lines)
    return "".join(f"{line}\n" for key, line in keys if NPM.fullmatch(key.lower()))


def uv_files(given: Mapping[str, str]) -> dict[str, Path | None]:
    """Give the variables that say where uv's settings are, and the file that each leads to."""
    if given.get("UV_CONFIG_FILE") or given.get("UV_NO_CONFIG"):
        named = given.get("UV_CONFIG_FILE")
        return {"XDG_CONFIG_HOME": Path(named) if named else None, "XDG_CONFIG_DIRS": None}
    own = Path(given.get("XDG_CONFIG_HOME") or "~/.config", "uv/uv.toml").expanduser()
    folders = [*(given.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"), "/etc"]
    machine = (Path(folder, "uv/uv.toml") for folder in folders)
    return {"XDG_CONFIG_HOME": own, "XDG_CONFIG_DIRS": next(filter(Path.is_file, machine), None)}


def uv_toml(path: Path) -> str:
    """Give what is kept of a uv.toml, if there is one.

    Raises:
        ValueError: When it is no TOML.
    """
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except OSError:
        return ""
    except ValueError as error:
        raise ValueError(f"{path} is no TOML: {error}") from None
    return "".join(f"{key} = {_toml(value)}\n" for key, value in found.items() if UV.fullmatch(key))


def uv_told(given: Mapping[str, str]) -> str:
    """Give all that uv is told of somebody's settings, in any order and without passwords.

    Raises:
        ValueError: When a uv.toml is no TOML.
    """
    kept = environment("uv_", UV, given)
    told = [value for name, value in kept.items() if name.lower().startswith("uv_")]
    told += [uv_toml(path) for path in uv_files(given).values() if path]
    return without_password("\n".join(told))


def _toml(value: Any) -> str:
    match value:
        case dict():  # of an index, which can have a newest date of its own
            said = (f"{k} = {_toml(v)}" for k, v in value.items() if not k.startswith("exclude"))
            return "{" + ", ".join(said) + "}"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case _:  # JSON's text, numbers and booleans are TOML's
            return json.dumps(value, ensure_ascii=False, default=str)
