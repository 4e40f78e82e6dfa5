from collections.abc import Iterable
from datetime import datetime
from uuid import UUID, uuid4

from asyncpg import Record

from app.database import Database
from app.resources.notes.schemas import NewNote, Note


class TitleTakenError(Exception):
    pass


class NotesRepository:
    """The only module that knows where notes are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, new: NewNote) -> Note:
        rows = await self._database.query(
            """
            insert into notes (id, title, body) values ($1, $2, $3)
            on conflict (title) do nothing
            returning *
            """,
            uuid4(),
            new.title,
            new.body,
        )
        if not rows:
            raise TitleTakenError
        return _note(rows[0])

    async def page(self, limit: int, offset: int) -> tuple[list[Note], int]:
        """Give so many notes, oldest first, and how many there are."""
        # One statement, so that both are of one moment; a page that is empty is a row, too.
        rows = await self._database.query(
            """
            with page as (
              select * from notes order by created_at, id limit $1 offset $2
            )
            select page.*, counted.total
            from (select count(*) as total from notes) as counted
            left join page on true
            order by page.created_at, page.id
            """,
            limit,
            offset,
        )
        return [_note(row) for row in rows if row["id"]], rows[0]["total"]

    async def find(self, note_id: UUID) -> Note | None:
        rows = await self._database.query("select * from notes where id = $1", note_id)
        return _note(rows[0]) if rows else None

    async def delete(self, note_id: UUID) -> bool:
        gone = await self._database.query("delete from notes where id = $1 returning id", note_id)
        return bool(gone)

    async def seed(self, notes: Iterable[Note]) -> None:
        """Add the notes that are not there yet."""
        for note in notes:
            await self._database.query(
                """
                insert into notes (id, title, body, created_at) values ($1, $2, $3, $4)
                on conflict do nothing
                """,
                note.id,
                note.title,
                note.body,
                datetime.fromisoformat(note.created_at),
            )


def _note(row: Record) -> Note:
    created = row["created_at"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Note(id=row["id"], title=row["title"], body=row["body"], created_at=created)
