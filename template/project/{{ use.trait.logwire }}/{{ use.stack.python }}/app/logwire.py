"""Sends the lines of the log on, where somebody is to have them."""

from fastapi import FastAPI

from app.config import Config
from app.observers import observers


def logwire(app: FastAPI) -> None:
    config: Config = app.state.config
    if not config.OTEL_EXPORTER_OTLP_LOGS_ENDPOINT:
        return
    # OpenTelemetry's part for it is loaded only where it is used.
    from app.log_sender import LogSender  # noqa: PLC0415

    sender = LogSender(config)
    observers.lines.append(sender.add)
    observers.flushes.append(sender.stop)
