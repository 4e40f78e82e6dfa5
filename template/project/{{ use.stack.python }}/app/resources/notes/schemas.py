from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from app.validation import digits


class _Schema(BaseModel):
    """Written in snake_case, sent in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class NewNote(_Schema):
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    body: Annotated[str, StringConstraints(max_length=10_000)] = ""


class Note(_Schema):
    id: UUID
    title: str
    body: str
    created_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class NotePreview(_Schema):
    title: str
    preview: str


class Page(_Schema):
    limit: Annotated[int, Field(ge=1, le=100), BeforeValidator(digits)] = 20
    offset: Annotated[int, Field(ge=0, le=2**53 - 1), BeforeValidator(digits)] = 0


class NotesPage(_Schema):
    items: list[Note]
    total: int
    limit: int
    offset: int


PageQuery = Annotated[Page, Query()]
