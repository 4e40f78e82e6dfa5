import asyncio
from uuid import UUID

import pytest

from app.resources.notes.repository import NotesRepository, TitleTakenError
from app.resources.notes.schemas import NewNote


def test_notes_are_created_found_and_deleted_once() -> None:
    async def scenario() -> None:
        repository = NotesRepository()
        note = await repository.create(NewNote(title="Title", body="Body"))
        assert UUID(str(note.id)).version == 4
        assert await repository.find(note.id) == note
        assert await repository.delete(note.id)
        assert not await repository.delete(note.id)
        assert await repository.find(note.id) is None

    asyncio.run(scenario())


def test_pages_are_oldest_first() -> None:
    async def scenario() -> None:
        repository = NotesRepository()
        for title in "abc":
            await repository.create(NewNote(title=title))
        notes, total = await repository.page(limit=2, offset=1)
        assert [note.title for note in notes] == ["b", "c"]
        assert total == 3

    asyncio.run(scenario())


def test_a_title_is_taken_once() -> None:
    async def scenario() -> None:
        repository = NotesRepository()
        await repository.create(NewNote(title="Title"))
        with pytest.raises(TitleTakenError):
            await repository.create(NewNote(title="Title"))

    asyncio.run(scenario())
