from typing import Any

from pymongo import IndexModel
from pymongo.database import Database


def up(db: Database[dict[str, Any]]) -> None:
    notes = db.create_collection(
        "notes",
        validator={
            "$jsonSchema": {
                "bsonType": "object",
                "required": ["id", "title", "body", "createdAt"],
                "properties": {
                    "id": {"bsonType": "string"},
                    "title": {"bsonType": "string"},
                    "body": {"bsonType": "string"},
                    "createdAt": {"bsonType": "date"},
                },
            },
        },
    )
    notes.create_indexes(
        [
            IndexModel({"id": 1}, name="id", unique=True),
            IndexModel({"title": 1}, name="title", unique=True),
            IndexModel({"createdAt": 1, "_id": 1}, name="oldest_first"),
        ],
    )


def down(db: Database[dict[str, Any]]) -> None:
    db.drop_collection("notes")
