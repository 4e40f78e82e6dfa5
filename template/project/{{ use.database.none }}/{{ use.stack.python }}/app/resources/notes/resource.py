# An example resource: replace this folder with your own. It shows where
# routes, schemas, storage and mock data go.
from fastapi import FastAPI

from app.config import Config
from app.resources.notes.mock import MOCK_NOTES
from app.resources.notes.repository import NotesRepository
from app.resources.notes.routes import notes_routes


def notes(app: FastAPI, config: Config) -> None:
    repository = NotesRepository(MOCK_NOTES if config.APP_ENV == "local" else ())
    # Rather than by include_router(), which goes through its routes twice at every request.
    app.routes.extend(notes_routes(repository).routes)
