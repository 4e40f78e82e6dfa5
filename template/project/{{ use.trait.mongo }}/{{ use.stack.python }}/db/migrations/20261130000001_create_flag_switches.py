# Which features of flags.json are switched: a document for each change, of which the newest counts.
# ops/flag writes them.
from typing import Any

from pymongo.database import Database


def up(db: Database[dict[str, Any]]) -> None:
    switches = db.create_collection(
        "flag_switches",
        validator={
            "$jsonSchema": {
                "bsonType": "object",
                "required": ["flag", "state", "who", "at"],
                "properties": {
                    "flag": {"bsonType": "string"},
                    "state": {"enum": ["on", "off", "reset"]},
                    "who": {"bsonType": "string"},
                    "at": {"bsonType": "date"},
                },
            },
        },
    )
    switches.create_index({"flag": 1, "at": 1, "_id": 1}, name="newest")


def down(db: Database[dict[str, Any]]) -> None:
    db.drop_collection("flag_switches")
