import mysql from "mysql2/promise";
import { required } from "./environment.ts";

/** Says once what is missing, before every file of tests would. */
export async function setup(): Promise<void> {
  const { DATABASE_URL: uri = "" } = required;
  try {
    const client = await mysql.createConnection({ uri, connectTimeout: 5000 });
    await client.end();
  } catch (error) {
    throw new Error(
      `These tests want MySQL at ${new URL(uri).host}, which does not answer: ` +
        "`docker compose up --detach --wait database` starts one, or set DATABASE_URL.",
      { cause: error },
    );
  }
}
