from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from pymongo.errors import DuplicateKeyError

from app.database import Database
from app.resources.notes.schemas import NewNote, Note


class TitleTakenError(Exception):
    pass


class NotesRepository:
    """The only module that knows where notes are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.use() as db:
            self._notes = db.notes  # kept, as the driver takes its time to make one

    async def create(self, new: NewNote) -> Note:
        # To the millisecond, which is what MongoDB keeps. Its own _id is made by the driver, in
        # order: of notes of one millisecond it says which came first.
        now = datetime.now(UTC)
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        row = {"id": str(uuid4()), "title": new.title, "body": new.body, "createdAt": now}
        try:
            await self._insert(row)
        except DuplicateKeyError:
            raise TitleTakenError from None
        return _note(row)

    async def page(self, limit: int, offset: int) -> tuple[list[Note], int]:
        """Give so many notes, oldest first, and how many there are."""
        # Two statements: outside of a transaction no two reads are of one moment.
        with self._database.use():
            oldest = self._notes.find().sort({"createdAt": 1, "_id": 1})
            rows = await oldest.skip(offset).limit(limit).to_list()
            return [_note(row) for row in rows], await self._notes.count_documents({})

    async def find(self, note_id: UUID) -> Note | None:
        with self._database.use():
            row = await self._notes.find_one({"id": str(note_id)})
        return _note(row) if row else None

    async def delete(self, note_id: UUID) -> bool:
        with self._database.use():
            gone = await self._notes.delete_one({"id": str(note_id)})
        return gone.deleted_count > 0

    async def seed(self, notes: Iterable[Note]) -> None:
        """Add the notes that are not there yet."""
        for note in notes:
            created = datetime.fromisoformat(note.created_at)
            row = {"id": str(note.id), "title": note.title, "body": note.body}
            try:
                await self._insert(row | {"createdAt": created})
            except DuplicateKeyError:
                continue

    async def _insert(self, row: Mapping[str, Any]) -> None:
        with self._database.use():
            await self._notes.insert_one(dict(row))


def _note(row: Mapping[str, Any]) -> Note:
    created = row["createdAt"].isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Note(id=row["id"], title=row["title"], body=row["body"], created_at=created)
