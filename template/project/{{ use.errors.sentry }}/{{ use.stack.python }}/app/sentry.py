"""Has Sentry know of errors that nobody expected, where it is to."""

import logging
from typing import Any

from fastapi import FastAPI

from app.config import Config
from app.logs import request_id, seldom
from app.observers import FLUSH_SECONDS, observers
from app.redaction import redacted
from app.service import NAME, VERSION
from app.trace_context import trace_id


def sentry(app: FastAPI) -> None:
    config: Config = app.state.config
    if not config.SENTRY_DSN:
        return
    # Its SDK is loaded only where it is used, and of it no more than what sends errors: nothing is
    # patched, there are no spans, and of a request there is nothing but its ids.
    from sentry_sdk import Client  # noqa: PLC0415
    from sentry_sdk.transport import HttpTransport  # noqa: PLC0415
    from sentry_sdk.utils import event_from_exception  # noqa: PLC0415

    client = Client(
        config.SENTRY_DSN,
        # Of all services of an organisation: ops/deploy registers it by that name.
        release=f"{NAME}@{VERSION}",
        environment=config.APP_ENV,
        before_send=_redacted,
        auto_enabling_integrations=False,
        default_integrations=False,
        auto_session_tracking=False,
        send_client_reports=False,
        include_local_variables=False,
    )
    warn = seldom("errors cannot be sent")
    if isinstance(client.transport, HttpTransport):
        client.transport.on_dropped_event = lambda _reason: warn()  # type: ignore[method-assign]
    logging.getLogger("urllib3.connectionpool").addFilter(_of_others)

    def failed(error: BaseException) -> None:
        mechanism = {"type": "generic", "handled": False}
        event, hint = event_from_exception(error, client.options, mechanism)
        ids = {"request_id": request_id.get(), "trace_id": trace_id()}
        event["tags"] = {name: value for name, value in ids.items() if value}
        client.capture_event(event, hint)

    observers.failures.append(failed)
    observers.flushes.append(lambda: client.close(FLUSH_SECONDS))


def _of_others(record: logging.LogRecord) -> bool:
    """Say whether a line is none of Sentry's, of which there would be three for each error."""
    return not str(record.threadName).startswith("sentry-sdk.")


def _redacted(event: Any, _hint: Any) -> Any:
    """Do as in the log: a message may have a password in it, or a line of code."""
    event.pop("server_name", None)
    return {**event, "exception": redacted(event.get("exception"))}
