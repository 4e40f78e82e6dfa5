import gzip
import json
import math

from fastapi import FastAPI

from app.observers import observers
from tests.conftest import StartApp
from tests.fixtures.receiver import receiving


def test_sentry_knows_of_errors_that_nobody_expected_and_of_no_secret(start: StartApp) -> None:
    def extend(app: FastAPI) -> None:
        @app.get("/_broken")
        async def broken() -> None:
            raise RuntimeError("no login at https://ada:s3cret@db")

    with receiving() as receiver:
        dsn = receiver.url.replace("http://", "http://key@") + "/1"
        client = start(extend, SENTRY_DSN=dsn)
        client.get("/_broken?token=s3cret")
        client.get("/nope")
        observers.flush(math.inf)
    ((path, _, body),) = receiver.received
    assert path == "/api/1/envelope/"
    envelope = gzip.decompress(body).decode()
    event = json.loads(envelope.splitlines()[2])
    assert event["environment"] == "sandbox"
    assert event["exception"]["values"][-1]["value"] == "no login at https://[Redacted]@db"
    assert "s3cret" not in envelope
