# An example resource: replace this folder with your own. It shows where
# routes, schemas, storage and mock data go.
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.config import Config
from app.lifespan import around
from app.logs import log
from app.resources.notes.mock import MOCK_NOTES
from app.resources.notes.repository import NotesRepository
from app.resources.notes.routes import notes_routes


def notes(app: FastAPI, config: Config) -> None:
    repository = NotesRepository(app.state.database)
    # Rather than by include_router(), which goes through its routes twice at every request.
    app.routes.extend(notes_routes(repository).routes)

    @asynccontextmanager
    async def seeded() -> AsyncIterator[None]:
        try:
            await repository.seed(MOCK_NOTES)
        except Exception as error:  # noqa: BLE001
            log.warning("no mock data: is there a table for it?", exc_info=error)
        yield

    if config.APP_ENV == "local":
        around(app, seeded)
