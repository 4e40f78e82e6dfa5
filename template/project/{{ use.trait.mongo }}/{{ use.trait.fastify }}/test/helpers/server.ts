import { MongoClient } from "mongodb";
import { required } from "./environment.ts";

/** Says once what is missing, before every file of tests would. */
export async function setup(): Promise<void> {
  const { DATABASE_URL = "" } = required;
  const client = new MongoClient(DATABASE_URL, {
    serverSelectionTimeoutMS: 5000,
  });
  try {
    await client.db().command({ ping: 1 });
  } catch (error) {
    throw new Error(
      `These tests want MongoDB at ${client.options.hosts.join(", ")}, which does not answer: ` +
        "`docker compose up --detach --wait database` starts one, or set DATABASE_URL.",
      { cause: error },
    );
  } finally {
    await client.close();
  }
}
