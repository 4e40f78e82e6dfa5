import { expect, test } from "vitest";
import { mockNotes } from "../../src/resources/notes/mock.ts";
import { NotesRepository } from "../../src/resources/notes/repository.ts";
import { noteSchema } from "../../src/resources/notes/schemas.ts";

test("creates notes that satisfy the schema and can be found", async () => {
  const repository = new NotesRepository();
  const note = await repository.create({ title: "Title", body: "Body" });
  expect(noteSchema.parse(note)).toEqual(note);
  expect(await repository.find(note?.id ?? "")).toEqual(note);
});

test("pages through notes, oldest first", async () => {
  const repository = new NotesRepository();
  for (const title of ["a", "b", "c"]) {
    await repository.create({ title, body: "" });
  }
  const page = await repository.list({ limit: 2, offset: 1 });
  expect(page.items.map(({ title }) => title)).toEqual(["b", "c"]);
  expect(page.total).toBe(3);
});

test("creates no second note with the same title", async () => {
  const repository = new NotesRepository(mockNotes);
  const title = mockNotes[0]?.title ?? "";
  expect(await repository.create({ title, body: "" })).toBeUndefined();
});

test("deletes a note once", async () => {
  const repository = new NotesRepository();
  const note = await repository.create({ title: "Title", body: "" });
  const id = note?.id ?? "";
  expect(await repository.delete(id)).toBe(true);
  expect(await repository.delete(id)).toBe(false);
  expect(await repository.find(id)).toBeUndefined();
});

test("mock notes satisfy the schema", () => {
  expect(noteSchema.array().parse(mockNotes)).toEqual(mockNotes);
});
