import re
from typing import Any

from pydantic_core import PydanticCustomError


def digits(value: Any) -> Any:
    """Let only plain digits be an integer: not "+1", "1_000", " 1" or "1.0"."""
    if isinstance(value, str) and not re.fullmatch("[0-9]{1,16}", value):
        raise PydanticCustomError("digits", "expected plain digits")
    return value
