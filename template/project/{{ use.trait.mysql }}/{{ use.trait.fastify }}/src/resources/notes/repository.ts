import { randomUUID } from "node:crypto";
import { isDuplicate, type Database } from "../../database.ts";
import type { NewNote, Note, Page } from "./schemas.ts";

interface Row {
  id: string;
  title: string;
  body: string;
  created_at: Date;
}

/** The only module that knows where notes are kept. */
export class NotesRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Nothing if there is a note with this title. */
  async create({ title, body }: NewNote): Promise<Note | undefined> {
    const id = randomUUID();
    try {
      await this.#database.change(
        `insert into notes (id, title, body, created_at)
         values (?, ?, ?, utc_timestamp(6))`,
        [id, title, body],
      );
    } catch (error) {
      if (isDuplicate(error)) return undefined;
      throw error;
    }
    // MySQL returns nothing of an insert; and somebody may have deleted it already.
    const gone = { id, title, body, createdAt: new Date().toISOString() };
    return (await this.find(id)) ?? gone;
  }

  /** Oldest first. */
  async list({
    limit,
    offset,
  }: Page): Promise<{ items: Note[]; total: number }> {
    // One statement, so that both are of one moment; a page that is empty is a row, too.
    const rows = await this.#database.query<
      { total: number } & (Row | { id: null })
    >(
      `select page.*, counted.total
       from (select count(*) as total from notes) as counted
       left join (
         select * from notes order by created_at, id limit ? offset ?
       ) as page on true
       order by page.created_at, page.id`,
      [limit, offset],
    );
    return {
      items: rows.flatMap((row) => (row.id === null ? [] : [noteOf(row)])),
      total: rows[0]?.total ?? 0,
    };
  }

  async find(id: string): Promise<Note | undefined> {
    const [row] = await this.#database.query<Row>(
      "select * from notes where id = ?",
      [id],
    );
    return row && noteOf(row);
  }

  async delete(id: string): Promise<boolean> {
    const gone = await this.#database.change("delete from notes where id = ?", [
      id,
    ]);
    return gone > 0;
  }

  /** Adds the notes that are not there yet. */
  async seed(notes: readonly Note[]): Promise<void> {
    for (const { id, title, body, createdAt } of notes) {
      await this.#database.change(
        `insert into notes (id, title, body, created_at) values (?, ?, ?, ?)
         on duplicate key update id = notes.id`,
        [id, title, body, new Date(createdAt)],
      );
    }
  }
}

function noteOf({ id, title, body, created_at }: Row): Note {
  return { id, title, body, createdAt: created_at.toISOString() };
}
