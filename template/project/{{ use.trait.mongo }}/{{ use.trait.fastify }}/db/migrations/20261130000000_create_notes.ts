import type { Db } from "mongodb";

export async function up(db: Db): Promise<void> {
  const notes = await db.createCollection("notes", {
    validator: {
      $jsonSchema: {
        bsonType: "object",
        required: ["id", "title", "body", "createdAt"],
        properties: {
          id: { bsonType: "string" },
          title: { bsonType: "string" },
          body: { bsonType: "string" },
          createdAt: { bsonType: "date" },
        },
      },
    },
  });
  await notes.createIndexes([
    { name: "id", key: { id: 1 }, unique: true },
    { name: "title", key: { title: 1 }, unique: true },
    { name: "oldest_first", key: { createdAt: 1, _id: 1 } },
  ]);
}

export async function down(db: Db): Promise<void> {
  await db.dropCollection("notes");
}
