import { randomUUID } from "node:crypto";
import type { Collection } from "mongodb";
import { type Database, isDuplicate } from "../../database.ts";
import type { NewNote, Note, Page } from "./schemas.ts";

// MongoDB's own _id is made by the driver, in order: of notes of one
// millisecond it says which came first.
interface Row {
  id: string;
  title: string;
  body: string;
  createdAt: Date;
}

/** The only module that knows where notes are kept. */
export class NotesRepository {
  readonly #database: Database;
  #collection?: Collection<Row>; // kept, as the driver takes its time to make one

  constructor(database: Database) {
    this.#database = database;
  }

  /** Nothing if there is a note with this title. */
  async create({ title, body }: NewNote): Promise<Note | undefined> {
    const row = { id: randomUUID(), title, body, createdAt: new Date() };
    return (await this.#insert(row)) ? noteOf(row) : undefined;
  }

  /** Oldest first. */
  async list({
    limit,
    offset,
  }: Page): Promise<{ items: Note[]; total: number }> {
    // Two statements: outside of a transaction no two reads are of one moment.
    const rows = await this.#notes((notes) =>
      notes
        .find()
        .sort({ createdAt: 1, _id: 1 })
        .skip(offset)
        .limit(limit)
        .toArray(),
    );
    const total = await this.#notes((notes) => notes.countDocuments());
    return { items: rows.map(noteOf), total };
  }

  async find(id: string): Promise<Note | undefined> {
    const row = await this.#notes((notes) => notes.findOne({ id }));
    return row ? noteOf(row) : undefined;
  }

  async delete(id: string): Promise<boolean> {
    const gone = await this.#notes((notes) => notes.deleteOne({ id }));
    return gone.deletedCount > 0;
  }

  /** Adds the notes that are not there yet. */
  async seed(notes: readonly Note[]): Promise<void> {
    for (const note of notes) {
      await this.#insert({ ...note, createdAt: new Date(note.createdAt) });
    }
  }

  /** Says whether it was, or there is one with this id or title. */
  async #insert(row: Row): Promise<boolean> {
    try {
      await this.#notes((notes) => notes.insertOne({ ...row }));
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }

  async #notes<T>(work: (notes: Collection<Row>) => Promise<T>): Promise<T> {
    return this.#database.use((db) =>
      work((this.#collection ??= db.collection<Row>("notes"))),
    );
  }
}

function noteOf({ id, title, body, createdAt }: Row): Note {
  return { id, title, body, createdAt: createdAt.toISOString() };
}
