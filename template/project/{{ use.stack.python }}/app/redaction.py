import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic_core import to_jsonable_python

REDACTED = "[Redacted]"

# Parts of a name, or words of it where a part would be in many others. A URL of something often
# carries a password.
_SECRET_NAME = re.compile(
    r"api_?key|access_?key|cookie|credential|pass(phrase|wd|word|code)|private|secret|session|token"
    r"|(pass|pwd)(?![a-z])"
    r"|(?<![a-z])(o?auth|authorization|bearer|connection|cv[cv]|dsn|jwt|keys?|pin|t?otp)(?![a-z])"
    r"|.[^a-z]ur[il](?![a-z])"
)
_HARMLESS_NAME = re.compile(
    r"(.*_)?(bypass|compass|secretary)|(avatar|base|image|public)_ur[il]|connection_id"
    r"|(cache|foreign|primary|public)_keys?|(input|max|output|total)_tokens|tokens?_(count|limit)"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# A password may have a slash in it, but `host:80/` is a port.
_USER = re.compile(
    r"""(?<=://)([^\s/?#:"'<>]*:(?!\d+[/?#])[^\s"'<>]{0,200}@|[^\s/?#"'<>]*@)""",
)
_QUERY = re.compile(r"""(/[^\s?#"'<>]*)([?#][^\s"'<>]+)?""")
# A quoted value or a number, but `auth:80` is a host and `KeyError: 'name'` says what is wrong.
_VALUE = re.compile(
    r"""(?<![\w-])([\w-]{1,100})(?<!Error)(?<!Exception)(["']?\s{0,3}[:=]\s{0,3})"""
    r"""(b?"[^"\\]*(?:\\.[^"\\]*)*"|b?'[^'\\]*(?:\\.[^'\\]*)*'|(?<!\w:)-?\d[\d.]*)""",
    re.DOTALL,
)
# What Pydantic says of a value that is not valid.
_INPUT = re.compile(r"(?<=input_value=).{0,200}(?=, input_type=)")


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Whether the value of a variable or field of this name must not be shown."""
    words = _HUMP.sub("_", name).lower()
    return bool(_SECRET_NAME.search(words)) and not _HARMLESS_NAME.fullmatch(words)


def redacted(value: Any) -> Any:
    """Give what is written of a value, without what sounds secret at any depth of it."""
    if isinstance(value, str):
        return _redacted_text(value)
    if value is None or isinstance(value, (bool, int, float, bytes)):
        return value
    if isinstance(value, Mapping):
        return {
            name: REDACTED if is_secret(str(name)) else redacted(member)
            for name, member in value.items()
        }
    if hasattr(value, "_asdict"):  # a named tuple
        return redacted(value._asdict())
    if isinstance(value, (list, tuple, set)):
        return [redacted(member) for member in value]
    # A model, say. Whatever is not JSON is shown as text.
    return redacted(to_jsonable_python(value, by_alias=False, fallback=repr, bytes_mode="base64"))


def _redacted_text(text: str) -> str:
    if "/" in text:
        text = _QUERY.sub(_redacted_query, _USER.sub(f"{REDACTED}@", text))
    if ":" in text or "=" in text:
        text = _INPUT.sub(REDACTED, _VALUE.sub(_redacted_value, text))
    return text


def _redacted_query(found: re.Match[str]) -> str:
    url, query = found.groups()
    return f"{url}{query[0]}{REDACTED}" if query else url


def _redacted_value(found: re.Match[str]) -> str:
    name, between = found[1], found[2]
    return f'{name}{between}"{REDACTED}"' if is_secret(name) else found[0]
