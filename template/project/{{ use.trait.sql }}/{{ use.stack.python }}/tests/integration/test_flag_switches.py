from typing import Any

from fastapi import FastAPI

from tests.conftest import Logged, StartApp

CHANGES = """
insert into flag_switches (flag, state, who) values
  ('a', 'on', 'Ann'), ('b', 'on', 'Ann'), ('c', 'off', 'Ann'),
  ('b', 'reset', 'Bob'), ('c', 'on', 'Bob'), ('a', 'off', 'Bob')
"""


def add_route(app: FastAPI) -> None:
    @app.get("/_switched")
    async def switched(first: str) -> dict[str, bool]:
        await app.state.database.query(first)
        found: dict[str, bool] = await app.state.flags.switches()
        return found


def test_of_each_flag_the_last_change_counts_and_the_log_says_whose_it_was(
    start: StartApp, logged: Logged
) -> None:
    client = start(add_route)
    assert client.get("/_switched", params={"first": CHANGES}).json() == {"a": False, "c": True}
    told: list[dict[str, Any]] = [line for line in logged() if line["msg"] == "flag switched"]
    changes = {line["flag"]: (line["state"], line["who"]) for line in told}
    assert changes == {"a": ("off", "Bob"), "b": ("reset", "Bob"), "c": ("on", "Bob")}


def test_without_the_table_there_are_none_and_it_says_so(start: StartApp, logged: Logged) -> None:
    client = start(add_route)
    gone = "alter table flag_switches rename to elsewhere"
    assert client.get("/_switched", params={"first": gone}).status_code == 500
    assert any("flag_switches" in str(line.get("err")) for line in logged())
    back = "alter table elsewhere rename to flag_switches"
    assert client.get("/_switched", params={"first": back}).json() == {}
