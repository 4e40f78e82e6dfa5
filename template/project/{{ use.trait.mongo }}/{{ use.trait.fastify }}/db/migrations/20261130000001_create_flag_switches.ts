// Which features of flags.json are switched: a document for each change, of
// which the newest counts. ops/flag writes them.
import type { Db } from "mongodb";

export async function up(db: Db): Promise<void> {
  const switches = await db.createCollection("flag_switches", {
    validator: {
      $jsonSchema: {
        bsonType: "object",
        required: ["flag", "state", "who", "at"],
        properties: {
          flag: { bsonType: "string" },
          state: { enum: ["on", "off", "reset"] },
          who: { bsonType: "string" },
          at: { bsonType: "date" },
        },
      },
    },
  });
  await switches.createIndexes([
    { name: "newest", key: { flag: 1, at: 1, _id: 1 } },
  ]);
}

export async function down(db: Db): Promise<void> {
  await db.dropCollection("flag_switches");
}
