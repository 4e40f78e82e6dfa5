import { expect, test } from "vitest";
import { mockNotes } from "../../src/resources/notes/mock.ts";
import { NotesRepository } from "../../src/resources/notes/repository.ts";
import { noteSchema } from "../../src/resources/notes/schemas.ts";
import { testApp } from "../helpers/app.ts";

const newRepository = () => new NotesRepository(testApp().app.database);

test("creates notes that satisfy the schema and can be found", async () => {
  const repository = newRepository();
  const note = await repository.create({ title: "Title", body: "Body" });
  expect(noteSchema.parse(note)).toEqual(note);
  expect(await repository.find(note?.id ?? "")).toEqual(note);
});

test("pages through notes, oldest first, and counts them all", async () => {
  const repository = newRepository();
  for (const title of ["a", "b", "c"]) {
    await repository.create({ title, body: "" });
  }
  const page = await repository.list({ limit: 2, offset: 1 });
  expect(page.items.map(({ title }) => title)).toEqual(["b", "c"]);
  expect(page.total).toBe(3);
  const beyond = await repository.list({ limit: 2, offset: 3 });
  expect(beyond).toEqual({ items: [], total: 3 });
});

test("of notes with one title that come at once, one is created", async () => {
  const repository = newRepository();
  const same = Array.from({ length: 20 }, () =>
    repository.create({ title: "Title", body: "" }),
  );
  const created = (await Promise.all(same)).filter(Boolean);
  expect(created).toHaveLength(1);
});

test("deletes a note once", async () => {
  const repository = newRepository();
  const note = await repository.create({ title: "Title", body: "" });
  const id = note?.id ?? "";
  expect(await repository.delete(id)).toBe(true);
  expect(await repository.delete(id)).toBe(false);
  expect(await repository.find(id)).toBeUndefined();
});

test("mock notes satisfy the schema, and are added once", async () => {
  expect(noteSchema.array().parse(mockNotes)).toEqual(mockNotes);
  const repository = newRepository();
  await repository.seed(mockNotes);
  await repository.seed(mockNotes);
  const { items } = await repository.list({ limit: 100, offset: 0 });
  expect(items).toEqual(mockNotes);
});
