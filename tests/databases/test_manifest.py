"""What is known of a backup, and how one is refused: by what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from process import engine_of

ENGINE = engine_of(
    ("stack", "node"), ("ci", "github"), ("hosting", "fly"), ("database", "supabase")
)
manifest = ENGINE.manifest
Table = manifest.Table
TABLES = {"public.notes": Table(1000, "12"), "public.tags": Table(40, "7")}
GOOD = manifest.Manifest(
    name="20261130T041500Z-3f9a", service="shop", environment="live", database="postgres",
    engine="postgres", server="18.6", tool="18.6", taken="2026-11-30T04:15:00+00:00", size=5000,
    sha256="ab", migration="20261130000000", recipients=("age1x",), tables=TABLES,
)  # fmt: skip


def refusal(*what: Any) -> str:
    check, *arguments = what
    with pytest.raises(manifest.Refused) as refused:
        check(*arguments)
    return str(refused.value)


def test_what_is_written_is_read() -> None:
    assert manifest.read(GOOD.text().encode(), GOOD.name) == GOOD


def test_of_an_older_one_rows_count_and_its_checksums_do_not() -> None:
    older = manifest.read(GOOD.text().replace('"format": 2', '"format": 1').encode(), GOOD.name)
    assert (GOOD.counted, older.counted, older.rows) == (False, True, GOOD.rows)
    manifest.same(older, {**TABLES, "public.tags": Table(40, "8")})
    fewer = {**TABLES, "public.tags": Table(20, "7")}
    assert "public.tags of" in refusal(manifest.same, older, fewer)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "tampered: the manifest"),
        (b"{", "tampered: the manifest"),
        (b"[]", "tampered: the manifest"),
        (b'{"format": 2}', "tampered: the manifest"),
        (b'{"format": 3}', "of a newer template"),
        (GOOD._replace(name="20250101T000000Z-0000").text().encode(), "tampered: the manifest"),
        (json.dumps({**json.loads(GOOD.text()), "more": 1}).encode(), "tampered: the manifest"),
    ],
)
def test_a_manifest_that_is_none_is_refused(content: bytes, says: str) -> None:
    assert says in refusal(manifest.read, content, GOOD.name)


@pytest.mark.parametrize(
    ("size", "sha256", "says"),
    [
        (0, "", "empty: the dump of 20261130T041500Z-3f9a has no bytes, 5000 were written"),
        (4999, "ab", "truncated: 20261130T041500Z-3f9a has 4999 bytes, 5000 were written"),
        (5000, "cd", "tampered: the dump of 20261130T041500Z-3f9a is not the one that was written"),
        (5001, "ab", "tampered: the dump of 20261130T041500Z-3f9a is not the one that was written"),
    ],
)
def test_a_dump_that_is_another_is_refused(size: int, sha256: str, says: str) -> None:
    assert refusal(manifest.whole, GOOD, size, sha256) == says


@pytest.mark.parametrize(
    ("where", "says"),
    [
        (("store", "live", "postgres"), "wrong service: 20261130T041500Z-3f9a is of shop"),
        (("shop", "testbed", "postgres"), "wrong environment: 20261130T041500Z-3f9a is of live"),
        (("shop", "live", "other"), "wrong database: 20261130T041500Z-3f9a is of postgres"),
    ],
)
def test_a_backup_of_something_else_is_refused(where: tuple[str, ...], says: str) -> None:
    assert refusal(manifest.belongs, GOOD, *where).startswith(says)


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({}, "incomplete: 20261130T041500Z-3f9a has no table public.notes"),
        (
            {name: Table(0, "0") for name in TABLES},
            "schema only: 20261130T041500Z-3f9a has tables without rows, 1040 were written",
        ),
        (
            {**TABLES, "public.notes": Table(500, "6")},
            "incomplete: public.notes of 20261130T041500Z-3f9a has 500 rows, 1000 were written",
        ),
        (
            {**TABLES, "public.notes": Table(1000, "13")},
            "altered: public.notes of 20261130T041500Z-3f9a has other rows than were written",
        ),
        (
            {**TABLES, "public.more": Table(1, "1")},
            "altered: 20261130T041500Z-3f9a has a table public.more that was not written",
        ),
    ],
)
def test_what_came_back_otherwise_is_refused(tables: dict[str, Any], says: str) -> None:
    assert refusal(manifest.same, GOOD, tables) == says


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ({"a": (100, 51), "b": (10, 6)}, ()),
        ({"a": (100, 50)}, ("a has 50 rows, 100 before",)),
        ({"a": (10, 0)}, ("a has 0 rows, 10 before",)),
        ({"a": (10, None)}, ("a is gone, 10 before",)),
        ({"a": (0, None), "b": (None, 5)}, ()),
        ({str(it): (50, 20) for it in range(3)}, ("all tables have 60 rows, 150 before",)),
    ],
)
def test_a_sudden_loss_is_told(rows: dict[str, Any], says: tuple[str, ...]) -> None:
    before = {name: Table(it[0], "") for name, it in rows.items() if it[0] is not None}
    now = {name: Table(it[1], "") for name, it in rows.items() if it[1] is not None}
    assert manifest.losses(before, now) == says
