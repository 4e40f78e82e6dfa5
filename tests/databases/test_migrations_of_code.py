"""What is read in a migration of code before anything runs it, and in an address of MongoDB."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from process import engine_of

ENGINES = {
    stack: engine_of(("stack", stack), ("database", "atlas")) for stack in ("node", "python")
}
HEADS = {
    "node": ("export async function {}(db: Db): Promise<void> {{\n", "}\n", "//", ".ts"),
    "python": ("def {}(db):\n", "\n", "#", ".py"),
}


def problems(stack: str, up: str, down: str = "db.undo()", why: str = "") -> list[str]:
    """Say what is wrong with a migration in a language."""
    head, end, comment, suffix = HEADS[stack]
    owned = f"    {comment} destroys: {why}\n" if why else ""
    text = "".join(
        f"{head.format(way)}{owned}    {body}\n{end}\n"
        for way, body in (("up", up), ("down", down))
    )
    name = f"20261201000000_colour{suffix}"
    return [
        it.removeprefix(f"{name}: ")
        for it in ENGINES[stack].migrations.wrong([ENGINES[stack].migrations.Migration(name, text)])
    ]


@pytest.mark.parametrize(
    ("stack", "statement"),
    [
        ("node", 'await db.dropCollection("notes");'),
        ("node", 'await db.collection("notes").drop();'),
        ("node", 'await db.collection("notes").deleteMany({});'),
        ("node", 'await db.collection("notes").deleteMany();'),
        ("node", 'await db.collection("notes").updateMany({}, { $unset: { body: "" } });'),
        ("node", 'await db.command({ drop: "notes" });'),
        ("python", 'db.drop_collection("notes")'),
        ("python", "db.notes.drop()"),
        ("python", "db.notes.delete_many({})"),
        ("python", 'db.notes.update_many({}, {"$unset": {"body": ""}})'),
        ("python", 'db.command({"drop": "notes"})'),
    ],
)
def test_what_destroys_says_why_it_may(stack: str, statement: str) -> None:
    [said] = problems(stack, statement)
    assert said.startswith("it destroys (")
    assert said.endswith(f"does not say why that may be: {HEADS[stack][2]} destroys: WHY")
    assert problems(stack, statement, why="nobody reads it") == []
    assert problems(stack, "db.make()", statement) == [], "a way back that destroys is a way back"


@pytest.mark.parametrize(
    ("stack", "statement"),
    [
        ("node", 'await db.collection("notes").dropIndex("body");'),
        ("node", 'await db.collection("notes").deleteMany({ title: "" });'),
        ("node", "await db.command({ ping: 1 }); // no db.dropCollection()"),
        ("python", 'db.notes.drop_index("body")'),
        ("python", 'db.notes.delete_many({"title": ""})'),
        ("python", "db.command('ping')  # no db.drop_collection()"),
    ],
)
def test_what_destroys_nothing_says_nothing(stack: str, statement: str) -> None:
    assert problems(stack, statement) == []


@pytest.mark.parametrize("stack", ENGINES)
def test_a_migration_goes_up_and_down(stack: str) -> None:
    nothing = f"{HEADS[stack][2]} db.nothing()"
    assert problems(stack, nothing) == ["nothing in up(db)"]
    [said] = problems(stack, "db.make()", nothing)
    assert said == "nothing in down(db), so it cannot be taken back"
    engine = ENGINES[stack]
    skeleton = engine.migrations.Migration("", engine.script.SKELETON.format(name="It"))
    assert len(list(skeleton.problems())) == 3, "its name, and nothing in either"


@pytest.mark.parametrize("stack", ENGINES)
def test_what_is_lost_by_a_way_back_is_said_above_it_or_in_it(stack: str) -> None:
    engine, (head, end, comment, suffix) = ENGINES[stack], HEADS[stack]
    ways = [f"{head.format(way)}    db.notes.drop()\n{end}\n" for way in ("up", "down")]
    text = f"{comment} destroys: above\n".join(ways)
    migration = engine.migrations.Migration(f"20261201000000_it{suffix}", text)
    assert migration.undone == ["above", "db.notes.drop()"]
    [said] = migration.problems()
    assert "it destroys (db.notes.drop())" in said, "it is not said of the way there"
    within = text.replace("    db.notes.drop()", f"    {comment} destroys: within\n    db.get()")
    assert engine.migrations.Migration("", within).undone == ["above", "within"]


def found(url: str, env: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Find a database by settings."""
    engine = ENGINES["node"]
    monkeypatch.setattr(
        engine.connection, "settings", lambda _at: ({"DATABASE_URL": url}, "a file")
    )
    return engine.connection.find(SimpleNamespace(env=env))


@pytest.mark.parametrize(
    ("url", "secured"),
    [
        ("mongodb+srv://it:s3c@c.mongodb.net/notes", "mongodb+srv://it:s3c@c.mongodb.net/notes?tls=true"),
        (
            "mongodb://it:s3c@a:1,b:2/notes?replicaSet=r&tls=false&tlsInsecure=true&ssl=false",
            "mongodb://it:s3c@a:1,b:2/notes?replicaSet=r&tls=true",
        ),
    ],
)  # fmt: skip
def test_outside_this_machine_the_server_has_to_prove_who_it_is(
    url: str, secured: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with found(url, "live", monkeypatch).opened() as opened:
        assert opened == secured


@pytest.mark.parametrize(
    "url", ["mongodb://a:1,:2/notes", "mongodb://a:1,b:99999/notes", "mongodb+srv://it:s3c@a", "http://a/notes"]
)  # fmt: skip
def test_what_is_no_address_is_refused_without_showing_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ENGINES["node"].errors.Failure, match="is no mongodb") as raised:
        found(url, "live", monkeypatch)
    assert "s3c" not in str(raised.value)


def test_no_host_is_elsewhere_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("mongodb://localhost,127.0.0.1:2/notes", "local", monkeypatch)
    with pytest.raises(ENGINES["node"].errors.Failure, match=r"at db\.example\.com"):
        found("mongodb://localhost,db.example.com/notes", "local", monkeypatch)
