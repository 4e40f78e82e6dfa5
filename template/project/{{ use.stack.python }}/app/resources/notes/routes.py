from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Response

from app.errors import problems
from app.flags import behind
from app.resources.notes.repository import NotesRepository, TitleTakenError
from app.resources.notes.schemas import NewNote, Note, NotePreview, NotesPage, PageQuery
from app.validation import PlainUUID


def notes_routes(repository: NotesRepository) -> APIRouter:
    router = APIRouter(prefix="/notes", tags=["notes"])

    @router.get("", responses=problems(422))
    async def list_notes(page: PageQuery) -> NotesPage:
        items, total = await repository.page(page.limit, page.offset)
        return NotesPage(items=items, total=total, limit=page.limit, offset=page.offset)

    @router.get("/{id}", responses=problems(404, 422))
    async def get_note(note_id: Annotated[PlainUUID, Path(alias="id")]) -> Note:
        note = await repository.find(note_id)
        if note is None:
            raise HTTPException(404, "No such note")
        return note

    @router.post("", status_code=201, responses=problems(409, 422))
    async def create_note(new: NewNote, response: Response) -> Note:
        try:
            note = await repository.create(new)
        except TitleTakenError:
            raise HTTPException(409, "A note with this title exists") from None
        response.headers["location"] = f"{router.prefix}/{note.id}"
        return note

    # An experiment: flags.json says where it is on.
    @router.get(
        "/{id}/preview",
        dependencies=[Depends(behind("notes-preview"))],
        responses=problems(404, 422),
    )
    async def preview_note(note_id: Annotated[PlainUUID, Path(alias="id")]) -> NotePreview:
        note = await repository.find(note_id)
        if note is None:
            raise HTTPException(404, "No such note")
        return NotePreview(title=note.title, preview=note.body[:100])

    # Of the class Response, for a JSON response would have a content type.
    @router.delete("/{id}", status_code=204, response_class=Response, responses=problems(404, 422))
    async def delete_note(note_id: Annotated[PlainUUID, Path(alias="id")]) -> None:
        if not await repository.delete(note_id):
            raise HTTPException(404, "No such note")

    return router
