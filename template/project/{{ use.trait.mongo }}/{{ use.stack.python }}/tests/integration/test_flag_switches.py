from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI

from tests.conftest import Logged, StartApp

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
CHANGES = [
    ("a", "on", "Ann", 1),
    ("b", "on", "Ann", 1),
    ("c", "off", "Ann", 1),
    ("a", "off", "Bob", 3),
    ("b", "reset", "Bob", 2),
    ("c", "on", "Bob", 2),
]


def add_route(app: FastAPI) -> None:
    @app.get("/_switched")
    async def switched() -> dict[str, bool]:
        changes = [
            {"flag": flag, "state": state, "who": who, "at": NOON + timedelta(seconds=after)}
            for flag, state, who, after in CHANGES
        ]
        with app.state.database.use() as db:
            await db.flag_switches.insert_many(changes)
        found: dict[str, bool] = await app.state.flags.switches()
        return found


def test_of_each_flag_the_last_change_counts_and_the_log_says_whose_it_was(
    start: StartApp, logged: Logged
) -> None:
    client = start(add_route)
    assert client.get("/_switched").json() == {"a": False, "c": True}
    told: list[dict[str, Any]] = [line for line in logged() if line["msg"] == "flag switched"]
    changes = {line["flag"]: (line["state"], line["who"]) for line in told}
    assert changes == {"a": ("off", "Bob"), "b": ("reset", "Bob"), "c": ("on", "Bob")}
