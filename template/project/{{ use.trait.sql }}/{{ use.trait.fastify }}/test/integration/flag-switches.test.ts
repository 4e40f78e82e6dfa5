import { expect, test } from "vitest";
import { testApp } from "../helpers/app.ts";

test("of each flag the last change counts, and the log says whose it was", async () => {
  const { app, lines } = testApp();
  const switched = () => app.switches?.(AbortSignal.timeout(5000));
  await app.database.query(
    `insert into flag_switches (flag, state, who) values
     ('a', 'on', 'Ann'), ('b', 'on', 'Ann'), ('c', 'off', 'Ann'),
     ('b', 'reset', 'Bob'), ('c', 'on', 'Bob'), ('a', 'off', 'Bob')`,
  );
  expect(await switched()).toEqual({ a: false, c: true });
  expect(await switched()).toEqual({ a: false, c: true });
  const said = lines.filter((line) => line.includes('"flag switched"'));
  expect(said).toHaveLength(3);
  expect(said.join("")).toContain('"flag":"a","state":"off","who":"Bob"');
});

test("without the table there are none, and it says so", async () => {
  const { app } = testApp();
  await app.database.query("alter table flag_switches rename to elsewhere");
  try {
    const switched = app.switches?.(AbortSignal.timeout(5000));
    await expect(switched).rejects.toThrow("flag_switches");
  } finally {
    await app.database.query("alter table elsewhere rename to flag_switches");
  }
});
