import json
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.redaction import is_secret, redacted

_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?")


def _expected(what: str) -> PydanticCustomError:
    return PydanticCustomError("config", "expected {what}", {"what": what})


def _integer(least: int, most: int) -> BeforeValidator:
    def parse(value: Any) -> Any:
        # int() would accept "1_000", " 80" and "+80" too.
        if isinstance(value, str):
            if not re.fullmatch("[0-9]{1,10}", value) or not least <= int(value) <= most:
                raise _expected(f"integer between {least} and {most}")
            return int(value)
        return value

    return BeforeValidator(parse)


def _matching(pattern: str, what: str) -> BeforeValidator:
    def parse(value: Any) -> Any:
        if isinstance(value, str) and not re.fullmatch(pattern, value):
            raise _expected(what)
        return value

    return BeforeValidator(parse)


def _one_of(*values: str) -> BeforeValidator:
    return _matching("|".join(values), f"one of {', '.join(values)}")


def _origins(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    origins = tuple(origin.strip() for origin in value.split(","))
    if not all(_ORIGIN.fullmatch(origin) for origin in origins):
        raise _expected("comma-separated origins such as https://app.example.com")
    return origins


class Config(BaseSettings):
    """Every variable the service reads. Document new ones in .env.example."""

    # An empty variable counts as unset, as in an env file with a blank to fill.
    model_config = SettingsConfigDict(
        case_sensitive=True, env_ignore_empty=True, frozen=True, validate_default=False
    )

    APP_ENV: Annotated[
        Literal["local", "sandbox", "testbed", "live"],
        _one_of("local", "sandbox", "testbed", "live"),
    ] = "local"
    CLIENT_IP_HEADER: Annotated[str, _matching(r"[A-Za-z0-9-]+", "the name of a header")] = ""
    CORS_ORIGINS: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = ()
    GIT_COMMIT: str = "unknown"
    # All interfaces: a container is reached through its network interface, so a
    # process bound to its loopback address could not be reached from outside.
    HOST: str = "0.0.0.0"  # noqa: S104
    LOG_LEVEL: Annotated[
        Literal["fatal", "error", "warn", "info", "debug", "trace"],
        _one_of("fatal", "error", "warn", "info", "debug", "trace"),
    ] = "info"
    MAX_BODY_BYTES: Annotated[int, _integer(1, 2**30)] = 2**20
    MAX_BUFFERED_BYTES: Annotated[int, _integer(1, 2**32)] = 2**26
    MAX_CONNECTIONS: Annotated[int, _integer(1, 1_000_000)] = 1000
    PORT: Annotated[int, _integer(1, 65535)] = 3000
    RATE_LIMIT_PER_MINUTE: Annotated[int, _integer(0, 1_000_000)] = 600
    REQUEST_TIMEOUT_SECONDS: Annotated[int, _integer(1, 300)] = 30
    SHUTDOWN_GRACE_SECONDS: Annotated[int, _integer(0, 300)] = 8


class ConfigError(Exception):
    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_config() -> Config:
    return read_settings(Config)


def read_settings[T: BaseSettings](schema: type[T]) -> T:
    """Report every problem at once; never show the value of a secret."""
    try:
        return schema()
    except ValidationError as error:
        raise ConfigError([_describe(problem) for problem in error.errors()]) from None


def _describe(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"{name}: required but not set"
    value = json.dumps(redacted(problem["input"]))
    got = "a value that is not shown" if is_secret(name) else value
    return f"{name}: {problem['msg']}, got {got}"
