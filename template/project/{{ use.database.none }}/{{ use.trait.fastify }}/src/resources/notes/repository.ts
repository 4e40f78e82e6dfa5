import { randomUUID } from "node:crypto";
import type { NewNote, Note, Page } from "./schemas.ts";

/** In memory, yet asynchronous like the database that would replace it. */
export class NotesRepository {
  readonly #notes: Map<string, Note>;
  readonly #titles: Set<string>;

  constructor(seed: readonly Note[] = []) {
    this.#notes = new Map(seed.map((note) => [note.id, note]));
    this.#titles = new Set(seed.map(({ title }) => title));
  }

  /** Nothing if there is a note with this title. */
  async create(input: NewNote): Promise<Note | undefined> {
    if (this.#titles.has(input.title)) return undefined;
    const note = {
      id: randomUUID(),
      ...input,
      createdAt: new Date().toISOString(),
    };
    this.#notes.set(note.id, note);
    this.#titles.add(note.title);
    return note;
  }

  /** Oldest first. */
  async list({
    limit,
    offset,
  }: Page): Promise<{ items: Note[]; total: number }> {
    const notes = [...this.#notes.values()];
    return {
      items: notes.slice(offset, offset + limit),
      total: notes.length,
    };
  }

  async find(id: string): Promise<Note | undefined> {
    return this.#notes.get(id);
  }

  async delete(id: string): Promise<boolean> {
    const note = this.#notes.get(id);
    if (!note) return false;
    this.#titles.delete(note.title);
    return this.#notes.delete(id);
  }
}
