import re
from functools import lru_cache

# URLs and connection strings are included because they often carry a password.
_SECRET_NAME = re.compile(
    r"auth|connection|cookie|credential|dsn|jwt|key|pass|private|pwd|secret|session|token|uri|url",
    re.IGNORECASE,
)


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Whether the value of a variable or field of this name must not be shown."""
    return _SECRET_NAME.search(name) is not None
