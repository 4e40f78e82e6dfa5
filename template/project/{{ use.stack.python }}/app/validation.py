import re
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError


def digits(value: Any) -> Any:
    """Let only plain digits be an integer: not "+1", "1_000", " 1" or "1.0"."""
    if isinstance(value, str) and not re.fullmatch("[0-9]{1,16}", value):
        raise PydanticCustomError("digits", "expected plain digits")
    return value


def _hyphenated(value: Any) -> Any:
    """Let a UUID be written in one way: not "{…}", "urn:uuid:…" or without hyphens."""
    pattern = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
    if isinstance(value, str) and not re.fullmatch(pattern, value):
        raise PydanticCustomError("uuid", "expected a UUID")
    return value


PlainUUID = Annotated[UUID, BeforeValidator(_hyphenated)]
