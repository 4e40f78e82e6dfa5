from collections.abc import Iterable
from uuid import UUID, uuid4

from app.logs import timestamp
from app.resources.notes.schemas import NewNote, Note


class TitleTakenError(Exception):
    pass


class NotesRepository:
    """In memory, yet asynchronous like the database that would replace it."""

    def __init__(self, seed: Iterable[Note] = ()) -> None:
        self._notes = {note.id: note for note in seed}

    async def create(self, new: NewNote) -> Note:
        if any(note.title == new.title for note in self._notes.values()):
            raise TitleTakenError
        note = Note(id=uuid4(), title=new.title, body=new.body, created_at=timestamp())
        self._notes[note.id] = note
        return note

    async def page(self, limit: int, offset: int) -> tuple[list[Note], int]:
        """Give so many notes, oldest first, and how many there are."""
        notes = list(self._notes.values())
        return notes[offset : offset + limit], len(notes)

    async def find(self, note_id: UUID) -> Note | None:
        return self._notes.get(note_id)

    async def delete(self, note_id: UUID) -> bool:
        return self._notes.pop(note_id, None) is not None
