from typing import Annotated, Any

import pytest
from pydantic import Field, create_model
from pydantic_settings import BaseSettings

from app.config import ConfigError, read_config, read_settings
from tests.conftest import SetEnvironment


def problems() -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_config()
    return caught.value.problems


def test_what_every_service_reads_has_a_default(environment: SetEnvironment) -> None:
    environment()
    defaults = {
        "APP_ENV": "local",
        "CLIENT_IP_HEADER": "",
        "CORS_ORIGINS": (),
        "GIT_COMMIT": "unknown",
        "HOST": "0.0.0.0",  # noqa: S104
        "LOG_LEVEL": "info",
        "MAX_BODY_BYTES": 1048576,
        "MAX_BUFFERED_BYTES": 67108864,
        "MAX_CONNECTIONS": 1000,
        "PORT": 3000,
        "RATE_LIMIT_PER_MINUTE": 600,
        "REQUEST_TIMEOUT_SECONDS": 30,
        "SHUTDOWN_GRACE_SECONDS": 8,
    }
    assert read_config().model_dump() | defaults == read_config().model_dump()


def test_values_come_from_the_environment(environment: SetEnvironment) -> None:
    environment(APP_ENV="live", PORT="8080", CORS_ORIGINS="https://a.example, http://b.example:81")
    config = read_config()
    assert (config.APP_ENV, config.PORT) == ("live", 8080)
    assert config.CORS_ORIGINS == ("https://a.example", "http://b.example:81")


def test_an_empty_variable_counts_as_unset(environment: SetEnvironment) -> None:
    environment()
    unset = read_config()
    environment(GIT_COMMIT="", PORT="", CORS_ORIGINS="")
    assert read_config() == unset


def test_all_problems_are_reported_at_once(environment: SetEnvironment) -> None:
    environment(APP_ENV="prod", LOG_LEVEL="loud", PORT="abc")
    assert problems() == [
        'APP_ENV: expected one of local, sandbox, testbed, live, got "prod"',
        'LOG_LEVEL: expected one of fatal, error, warn, info, debug, trace, got "loud"',
        'PORT: expected integer between 1 and 65535, got "abc"',
    ]


@pytest.mark.parametrize("port", ["0", "65536", "-1", "80.5", "1e3", "0x50", " 80", "1_0", "٨"])
def test_a_port_that_is_none_is_a_problem(environment: SetEnvironment, port: str) -> None:
    environment(PORT=port)
    assert len(problems()) == 1


@pytest.mark.parametrize("port", ["1", "65535"])
def test_a_port_may_be(environment: SetEnvironment, port: str) -> None:
    environment(PORT=port)
    assert int(port) == read_config().PORT


@pytest.mark.parametrize(
    "origins", ["*", "example.com", "https://a.example/", "https://a.example,", "ftp://a.example"]
)
def test_an_origin_that_is_none_is_a_problem(environment: SetEnvironment, origins: str) -> None:
    environment(CORS_ORIGINS=origins)
    assert len(problems()) == 1


def test_a_problem_stays_on_one_line(environment: SetEnvironment) -> None:
    environment(PORT="1\n2")
    assert problems() == [r'PORT: expected integer between 1 and 65535, got "1\n2"']


@pytest.mark.parametrize("name", ["API_KEY", "DATABASE_URL", "DB_PASSWORD", "SECRET", "TOKEN"])
def test_the_value_of_a_secret_is_never_shown(environment: SetEnvironment, name: str) -> None:
    short: Any = Annotated[str, Field(max_length=3)]
    schema = create_model("Schema", __base__=BaseSettings, **{name: short})
    environment(**{name: "hunter2"})
    with pytest.raises(ConfigError, match=f"^{name}: .*got a value that is not shown$"):
        read_settings(schema)


def test_the_user_of_a_url_is_never_shown(environment: SetEnvironment) -> None:
    short: Any = Annotated[str, Field(max_length=3)]
    schema = create_model("Schema", __base__=BaseSettings, PROXY=short)
    environment(PROXY="http://ada:hunter2@proxy")
    with pytest.raises(ConfigError, match=r'got "http://\[Redacted\]@proxy"$'):
        read_settings(schema)


def test_a_required_variable_that_is_not_set_is_named() -> None:
    schema = create_model("Schema", __base__=BaseSettings, QUEUE_NAME=(str, ...))
    with pytest.raises(ConfigError, match=r"^QUEUE_NAME: required but not set$"):
        read_settings(schema)
