import pg from "pg";
import { required } from "./environment.ts";

/** Says once what is missing, before every file of tests would. */
export async function setup(): Promise<void> {
  const { DATABASE_URL: connectionString } = required;
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: 5000,
  });
  try {
    await client.connect();
    await client.end();
  } catch (error) {
    const { host, port } = client;
    throw new Error(
      `These tests want PostgreSQL at ${host}:${port}, which does not answer: ` +
        "`docker compose up --detach --wait database` starts one, or set DATABASE_URL.",
      { cause: error },
    );
  }
}
