"""The bucket: who calls it, and what becomes of calls that fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from bucket import Asked, Bucket, Fault, bucket, signed
from process import engine_of

ENGINE = engine_of(
    ("stack", "node"), ("ci", "github"), ("hosting", "fly"), ("database", "supabase")
)


@pytest.fixture(scope="module")
def served() -> Iterator[Bucket]:
    with bucket() as made:
        yield made


@pytest.fixture
def there(served: Bucket) -> Bucket:
    served.__init__(served.url)  # type: ignore[misc] # as new
    ENGINE.clock.reset()
    return served


@pytest.fixture
def ours(there: Bucket, monkeypatch: pytest.MonkeyPatch) -> Any:
    for module in (ENGINE.bucket, ENGINE.upload):
        monkeypatch.setattr(module, "PART", 100)
    return ENGINE.bucket.Bucket(ENGINE.variables.Settings(there.settings()))


def sent(ours: Any, name: str, content: bytes) -> None:
    upload = ENGINE.upload.Upload(ours, name)
    for start in range(0, len(content), 70):
        upload.add(content[start : start + 70])
    upload.end()


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 300, 1234])
def test_a_file_of_any_size_comes_back_and_every_call_is_signed(
    ours: Any, there: Bucket, size: int
) -> None:
    content = os.urandom(size)
    sent(ours, "shop/live/a.dump", content)
    sent(ours, "shop/live/a.json", b"{}")
    sent(ours, "shop/live/b", b"{}")
    files = ours.files("shop/live/")
    assert (files[0].name, files[0].size) == ("shop/live/a.dump", size)
    assert len(files) == 3
    assert b"".join(ours.read(files[0])) == content
    ours.delete("shop/live/a.dump")
    assert "shop/live/a.dump" not in there.files
    assert [it for it in there.asked if not signed(it, there.url)] == []


def failing(times: int, status: int, **more: Any) -> Any:
    counted = count(1)
    return lambda _: Fault(status, **more) if next(counted) <= times else None


def test_a_refusal_is_final_and_told(ours: Any, there: Bucket) -> None:
    words = b"<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>"
    there.fails = failing(9, 403, body=words)
    with pytest.raises(
        ENGINE.errors.Failure, match=r"take a: 403 AccessDenied Access Denied\.: the key"
    ):
        ours.put("a", b"1")
    assert len(there.asked) == 1


def test_who_is_asked_to_come_back_later_comes_back_then(ours: Any, there: Bucket) -> None:
    there.fails = failing(2, 503, headers={"Retry-After": "7"})
    ours.put("a", b"1")
    assert there.files == {"a": b"1"}
    assert ENGINE.clock.slept == [7, 7]


def test_who_is_not_asked_in_tries_a_few_times(ours: Any, there: Bucket) -> None:
    there.fails = failing(99, 500)
    with pytest.raises(ENGINE.errors.Failure, match="the bucket did not give a: 500"):
        ours.get("a")
    assert len(there.asked) == 4
    assert ENGINE.clock.slept == [1, 2, 4]


def test_an_answer_that_never_comes_is_not_waited_for(there: Bucket) -> None:
    there.fails = lambda _: Fault(0, {"seconds": "1"})
    settings = ENGINE.variables.Settings({**there.settings(), "HTTP_TIMEOUT": "0.05"})
    with pytest.raises(ENGINE.errors.Failure, match=r"no whole answer|timed out"):
        ENGINE.bucket.Bucket(settings).get("a")


@pytest.mark.parametrize("fault", [Fault(500), Fault(500, done=True)], ids=["not done", "done"])
@pytest.mark.parametrize("which", ["begun", "part", "ended"])
def test_an_upload_survives_a_call_of_which_nobody_knows(
    ours: Any, there: Bucket, which: str, fault: Fault
) -> None:
    """Whether it was carried out is looked at, and a second one does no harm."""

    def matches(it: Asked) -> bool:
        kinds = {
            "begun": "uploads" in it.query,
            "part": it.query.get("partNumber") == "2",
            "ended": it.method == "POST" and "uploadId" in it.query,
        }
        return kinds[which]

    once = [fault]
    there.fails = lambda it: once.pop() if once and matches(it) else None
    content = os.urandom(450)
    sent(ours, "a", content)
    assert once == []
    assert there.files == {"a": content}


def test_what_ends_with_an_error_is_not_there(ours: Any, there: Bucket) -> None:
    """Such an answer begins with 200."""
    body = b"<Error><Code>InternalError</Code></Error>"
    there.fails = lambda it: (
        Fault(200, body=body) if it.method == "POST" and "uploadId" in it.query else None
    )
    with pytest.raises(ENGINE.errors.Failure, match="InternalError"):
        sent(ours, "a", os.urandom(450))


def test_a_part_that_did_not_arrive_whole_is_noticed(ours: Any, there: Bucket) -> None:
    def cut(it: Asked) -> None:
        if it.method == "POST" and "uploadId" not in it.query:
            return
        for parts in there.uploads.values():
            parts.update({number: part[:99] for number, part in parts.items()})

    there.fails = cut
    with pytest.raises(ENGINE.errors.Failure, match="other parts of a than were sent"):
        sent(ours, "a", os.urandom(450))
    assert there.files == {}


def test_what_nobody_ended_is_swept_away_and_what_is_gone_is_well(ours: Any, there: Bucket) -> None:
    there.uploads = {"shop/live/a#0": {1: b""}}
    ours.sweep("shop/live/")
    assert there.uploads == {}
    there.fails = failing(1, 404)
    ours.delete("shop/live/a")
