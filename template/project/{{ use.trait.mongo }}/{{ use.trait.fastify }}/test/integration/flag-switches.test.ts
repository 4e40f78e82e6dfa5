import { expect, test } from "vitest";
import { testApp } from "../helpers/app.ts";

const at = (second: number) => new Date(Date.UTC(2026, 10, 30, 12, 0, second));

test("of each flag the last change counts, and the log says whose it was", async () => {
  const { app, lines } = testApp();
  const switched = () => app.switches?.(AbortSignal.timeout(5000));
  await app.database.use((db) =>
    db.collection("flag_switches").insertMany([
      { flag: "a", state: "on", who: "Ann", at: at(1) },
      { flag: "b", state: "on", who: "Ann", at: at(1) },
      { flag: "c", state: "off", who: "Ann", at: at(1) },
      { flag: "a", state: "off", who: "Bob", at: at(3) },
      { flag: "b", state: "reset", who: "Bob", at: at(2) },
      { flag: "c", state: "on", who: "Bob", at: at(2) },
    ]),
  );
  expect(await switched()).toEqual({ a: false, c: true });
  expect(await switched()).toEqual({ a: false, c: true });
  const said = lines.filter((line) => line.includes('"flag switched"'));
  expect(said).toHaveLength(3);
  expect(said.join("")).toContain('"flag":"a","state":"off","who":"Bob"');
});

test("without the collection there are none, and it says so", async () => {
  const { app } = testApp();
  await app.database.use((db) => db.renameCollection("flag_switches", "other"));
  try {
    const switched = app.switches?.(AbortSignal.timeout(5000));
    await expect(switched).rejects.toThrow("there is no flag_switches");
  } finally {
    await app.database.use((db) =>
      db.renameCollection("other", "flag_switches"),
    );
  }
});
