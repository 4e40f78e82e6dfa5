import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { connect, Problem } from "../../web/api.ts";
import { last, next, previous, range } from "../../web/paging.ts";

describe("pages of 23 notes by 10", () => {
  const page = (offset: number) => ({ total: 23, limit: 10, offset });

  test.each([
    [0, undefined, 10, "1–10 of 23"],
    [10, 0, 20, "11–20 of 23"],
    [20, 10, undefined, "21–23 of 23"],
    [5, 0, 15, "6–15 of 23"],
  ])("from %d on", (offset, before, after, label) => {
    expect(previous(page(offset))).toBe(before);
    expect(next(page(offset))).toBe(after);
    expect(range(page(offset))).toBe(label);
  });
});

test.each([
  [0, 0],
  [1, 0],
  [10, 0],
  [11, 10],
  [20, 10],
])("the last page of %d notes by 10 begins at %d", (total, offset) => {
  expect(last({ total, limit: 10 })).toBe(offset);
});

test("no notes are no range", () => {
  expect(range({ total: 0, limit: 10, offset: 0 })).toBe("No notes yet");
});

describe("an answer that is not the service's", () => {
  async function answered(listener: RequestListener): Promise<unknown> {
    const server = createServer(listener).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const api = connect(`http://127.0.0.1:${port}`);
    return api.health().catch((reason: unknown) => reason);
  }

  test("is a problem with its status, say a proxy's error page", async () => {
    const error = await answered((_request, response) => {
      response.writeHead(502, { "content-type": "text/html" });
      response.end("<h1>Bad gateway</h1>");
    });
    expect(error).toBeInstanceOf(Problem);
    expect(error).toMatchObject({
      status: 502,
      message: "The service answered with 502",
    });
  });

  test("is as good as none when it breaks off", async () => {
    const error = await answered((_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("{", () => response.destroy());
    });
    expect(error).toMatchObject({ status: 0 });
  });
});
