import { randomUUID } from "node:crypto";
import type { Database } from "../../database.ts";
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
    const [row] = await this.#database.query<Row>(
      `insert into notes (id, title, body) values ($1, $2, $3)
       on conflict (title) do nothing
       returning *`,
      [randomUUID(), title, body],
    );
    return row && noteOf(row);
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
      `with page as (
         select * from notes order by created_at, id limit $1 offset $2
       )
       select page.*, counted.total
       from (select count(*)::int as total from notes) as counted
       left join page on true
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
      "select * from notes where id = $1",
      [id],
    );
    return row && noteOf(row);
  }

  async delete(id: string): Promise<boolean> {
    const gone = await this.#database.query(
      "delete from notes where id = $1 returning id",
      [id],
    );
    return gone.length > 0;
  }

  /** Adds the notes that are not there yet. */
  async seed(notes: readonly Note[]): Promise<void> {
    for (const { id, title, body, createdAt } of notes) {
      await this.#database.query(
        `insert into notes (id, title, body, created_at) values ($1, $2, $3, $4)
         on conflict do nothing`,
        [id, title, body, createdAt],
      );
    }
  }
}

function noteOf({ id, title, body, created_at }: Row): Note {
  return { id, title, body, createdAt: created_at.toISOString() };
}
