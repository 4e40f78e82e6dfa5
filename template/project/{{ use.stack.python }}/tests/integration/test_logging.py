import logging
import re
import tracemalloc
from collections import UserDict
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated, Any, NamedTuple

import pytest
from pydantic import BaseModel, Field, ValidationError

from app.logs import log
from app.redaction import redacted
from app.service import NAME, VERSION
from tests.conftest import Logged, StartApp

SECRET = "hunter2"  # noqa: S105
UUID = re.compile(r"[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}")


def test_a_request_is_one_line_without_its_query_string(start: StartApp, logged: Logged) -> None:
    start().get(f"/_test?token={SECRET}", headers={"x-request-id": "trace-1"})
    (line,) = logged()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line.pop("responseTime") > 0
    assert line == {
        "level": "info",
        "service": NAME,
        "version": VERSION,
        "env": "sandbox",
        "msg": "request completed",
        "reqId": "trace-1",
        "req": {"method": "GET", "url": "/_test", "remoteAddress": "testclient"},
        "res": {"statusCode": 200},
    }


def test_a_url_cannot_forge_a_field(start: StartApp, logged: Logged) -> None:
    start().get('/"},"level":"fatal')
    (line,) = logged()
    assert line["level"] == "info"


def test_lines_below_the_level_are_left_out(start: StartApp, logged: Logged) -> None:
    client = start(LOG_LEVEL="warn")
    client.get("/_test")
    log.info("left out")
    log.warning("shown")
    log.critical("shown")
    assert [line["level"] for line in logged()] == ["warn", "fatal"]


@pytest.mark.parametrize(
    "field",
    [
        *("access_token", "apiKey", "Authorization", "client_secret", "cookie", "DATABASE_URL"),
        *(
            "bearer",
            "cvv",
            "otp",
            "pin",
            "dsn",
            "jwt",
            "passwd",
            "pwd",
            "sessionId",
            "set-cookie",
            "x-api-key",
        ),
    ],
)
def test_a_field_with_the_name_of_a_secret_is_never_shown(
    start: StartApp, logged: Logged, field: str
) -> None:
    start()
    value = {field: SECRET}
    log.info("flat", **value)
    log.info("nested", **{field: {"nested": SECRET}})
    log.info("list", list=[value])
    log.info("deep", a={"b": {"c": ({"d": value},)}})
    lines = logged()
    assert len(lines) == 4
    for line in lines:
        assert "[Redacted]" in str(line)
        assert SECRET not in str(line)
    assert value == {field: SECRET}


@pytest.mark.parametrize(
    "field",
    [
        *("author", "baseUrl", "bypass", "cacheKey", "connectionId", "maxTokens", "monkey"),
        *("opinion", "secretary", "token_count", "url"),
    ],
)
def test_a_field_whose_name_only_sounds_like_that_is_shown(
    start: StartApp, logged: Logged, field: str
) -> None:
    start()
    log.info("shown", **{field: "shown"})
    assert logged()[0][field] == "shown"


class Account(BaseModel):
    user: str
    password: str = Field(alias="p", min_length=100)


@dataclass
class Holder:
    account: Account
    pin: str = SECRET


class Pair(NamedTuple):
    user: str
    password: str


ACCOUNT = Account.model_construct(user="ada", password=SECRET)


@pytest.mark.parametrize(
    "value",
    [
        ACCOUNT,
        Holder(ACCOUNT),
        Pair("ada", SECRET),
        [{"a": (ACCOUNT, Holder(ACCOUNT))}],
        UserDict(user="ada", password=SECRET),
        SimpleNamespace(user="ada", password=SECRET),
    ],
)
def test_the_secrets_of_what_is_no_plain_field_are_never_shown(
    start: StartApp, logged: Logged, value: Any
) -> None:
    start()
    log.info("object", value=value)
    log.info(f"as text: {value!r}")
    lines = logged()
    assert len(lines) == 2
    assert "ada" in str(lines)
    assert SECRET not in str(lines)


@pytest.mark.parametrize(
    "text",
    [
        f"postgres://ada:{SECRET}@db/app",
        f"postgres://ada:{SECRET}/x@db/app",
        f"GET https://api.example.com/users?code={SECRET}",
        f"/users?code={SECRET}#{SECRET}",
        f'{{"password": "{SECRET}", "user": "ada"}}',
        str({"password": SECRET.encode()}),
    ],
)
def test_what_sounds_secret_in_a_text_is_never_shown(
    start: StartApp, logged: Logged, text: str
) -> None:
    start()
    log.info(text)
    log.info("list", list=[text])
    log.error("failed", exc_info=ValueError(text))
    logging.getLogger("driver").error("lost %s", text)
    lines = logged()
    assert len(lines) == 4
    for line in lines:
        assert "[Redacted]" in str(line)
        assert SECRET not in str(line)


@pytest.mark.parametrize("text", ['{"otp":123456,"pin": -1234.5}', "pin=1234"])
def test_a_number_that_sounds_secret_in_a_text_is_never_shown(
    start: StartApp, logged: Logged, text: str
) -> None:
    start()
    log.info("number", text=text)
    assert not re.search(r"\d", logged()[0]["text"])


@pytest.mark.parametrize(
    "text",
    [
        "KeyError: 'user_id'",
        "ConnectionError: 'no route'",
        "connection refused by auth:3000",
        "http://localhost:3000/@ada",
        "at token.py:12:5",
    ],
)
def test_a_text_that_only_sounds_like_that_is_shown(
    start: StartApp, logged: Logged, text: str
) -> None:
    start()
    log.info("shown", text=text)
    assert logged()[0]["text"] == text


def test_a_large_text_takes_little_more_than_itself() -> None:
    text = f"password='{'x' * 1_000_000}'"
    tracemalloc.start()
    assert redacted(text) == 'password="[Redacted]"'
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


class Login(BaseModel):
    pin: Annotated[int, Field(ge=10_000)]


def test_an_error_does_not_show_what_was_not_valid(start: StartApp, logged: Logged) -> None:
    start()
    try:
        Account.model_validate({"user": "ada", "p": SECRET})
    except ValidationError as error:
        log.error("not valid", exc_info=error)
    (line,) = logged()
    assert "at least 100 characters" in line["err"]["message"]
    assert SECRET not in str(line)
    try:
        Login.model_validate({"pin": 1234})
    except ValidationError as error:
        log.error("not valid", exc_info=error)
    assert "1234" not in logged()[0]["err"]["message"]


@pytest.mark.parametrize("value", [object(), float("nan"), {1: b"\xff"}, "\ud800"])
def test_a_line_is_never_lost_to_a_value(start: StartApp, logged: Logged, value: Any) -> None:
    start()
    log.info("odd", value=value)
    assert [line["msg"] for line in logged()] == ["odd"]


def test_what_a_library_logs_is_json_too(start: StartApp, logged: Logged) -> None:
    start()
    error = ConnectionError("db-7 refused")
    logging.getLogger("driver").error("lost %s", "db-7", exc_info=error)
    (line,) = logged()
    assert (line["level"], line["msg"], line["logger"]) == ("error", "lost db-7", "driver")
    assert line["err"]["message"] == "db-7 refused"


@pytest.mark.parametrize("sent", ["6f1d", "a.b:c_d-e", "x" * 128])
def test_a_sane_request_id_is_kept(start: StartApp, sent: str) -> None:
    assert start().get("/_test", headers={"x-request-id": sent}).headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["", "two words", 'forged","level":"fatal', "x" * 129])
def test_any_other_request_id_is_replaced(start: StartApp, sent: str) -> None:
    client = start()
    ids = [client.get("/_test", headers={"x-request-id": sent}).headers["x-request-id"]] * 2
    ids[1] = client.get("/_test").headers["x-request-id"]
    assert all(UUID.fullmatch(identifier) for identifier in ids)
    assert ids[0] != ids[1]
