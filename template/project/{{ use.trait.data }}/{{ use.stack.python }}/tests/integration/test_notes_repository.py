import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from app.config import read_config
from app.database import Database
from app.resources.notes.mock import MOCK_NOTES
from app.resources.notes.repository import NotesRepository, TitleTakenError
from app.resources.notes.schemas import NewNote
from tests.conftest import SetEnvironment


def run(environment: SetEnvironment, test: Callable[[NotesRepository], Awaitable[None]]) -> None:
    async def scenario() -> None:
        database = Database(read_config())
        try:
            await test(NotesRepository(database))
        finally:
            await database.close()

    environment()
    asyncio.run(scenario())


def test_notes_are_created_found_and_deleted_once(environment: SetEnvironment) -> None:
    async def scenario(repository: NotesRepository) -> None:
        note = await repository.create(NewNote(title="Title", body="Body"))
        assert UUID(str(note.id)).version == 4
        assert await repository.find(note.id) == note
        assert await repository.delete(note.id)
        assert not await repository.delete(note.id)
        assert await repository.find(note.id) is None

    run(environment, scenario)


def test_pages_are_oldest_first_and_say_how_many_there_are(environment: SetEnvironment) -> None:
    async def scenario(repository: NotesRepository) -> None:
        for title in "abc":
            await repository.create(NewNote(title=title))
        notes, total = await repository.page(limit=2, offset=1)
        assert ([note.title for note in notes], total) == (["b", "c"], 3)
        assert await repository.page(limit=2, offset=3) == ([], 3)

    run(environment, scenario)


def test_of_notes_with_one_title_that_come_at_once_one_is_created(
    environment: SetEnvironment,
) -> None:
    async def scenario(repository: NotesRepository) -> None:
        same = (repository.create(NewNote(title="Title")) for _ in range(20))
        errors = [it for it in await asyncio.gather(*same, return_exceptions=True) if it]
        taken = [it for it in errors if isinstance(it, TitleTakenError)]
        assert len(taken) == 19

    run(environment, scenario)


def test_mock_notes_are_added_once(environment: SetEnvironment) -> None:
    async def scenario(repository: NotesRepository) -> None:
        await repository.seed(MOCK_NOTES)
        await repository.seed(MOCK_NOTES)
        assert await repository.page(limit=100, offset=0) == (list(MOCK_NOTES), 2)

    run(environment, scenario)
