from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from app.database import Database, DuplicateError
from app.resources.notes.schemas import NewNote, Note


class TitleTakenError(Exception):
    pass


class NotesRepository:
    """The only module that knows where notes are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, new: NewNote) -> Note:
        # MySQL returns nothing of an insert; so the time is asked for before.
        now = (await self._database.query("select utc_timestamp(6) as now"))[0]["now"]
        row = {"id": uuid4(), "title": new.title, "body": new.body, "created_at": now}
        try:
            await self._insert(row)
        except DuplicateError:
            raise TitleTakenError from None
        return _note(row)

    async def page(self, limit: int, offset: int) -> tuple[list[Note], int]:
        """Give so many notes, oldest first, and how many there are."""
        # One statement, so that both are of one moment; a page that is empty is a row, too.
        rows = await self._database.query(
            """
            select page.*, counted.total
            from (select count(*) as total from notes) as counted
            left join (
              select * from notes order by created_at, id limit %s offset %s
            ) as page on true
            order by page.created_at, page.id
            """,
            limit,
            offset,
        )
        return [_note(row) for row in rows if row["id"]], rows[0]["total"]

    async def find(self, note_id: UUID) -> Note | None:
        rows = await self._database.query("select * from notes where id = %s", str(note_id))
        return _note(rows[0]) if rows else None

    async def delete(self, note_id: UUID) -> bool:
        return bool(await self._database.change("delete from notes where id = %s", str(note_id)))

    async def seed(self, notes: Iterable[Note]) -> None:
        """Add the notes that are not there yet."""
        for note in notes:
            created = datetime.fromisoformat(note.created_at).astimezone(UTC).replace(tzinfo=None)
            row = {"id": note.id, "title": note.title, "body": note.body, "created_at": created}
            try:
                await self._insert(row)
            except DuplicateError:
                continue

    async def _insert(self, row: Mapping[str, Any]) -> None:
        await self._database.change(
            "insert into notes (id, title, body, created_at) values (%s, %s, %s, %s)",
            str(row["id"]),
            row["title"],
            row["body"],
            row["created_at"],
        )


def _note(row: Mapping[str, Any]) -> Note:
    created = row["created_at"].isoformat(timespec="milliseconds") + "Z"
    return Note(id=row["id"], title=row["title"], body=row["body"], created_at=created)
