import type { FastifyRequest } from "fastify";
import { expect, test } from "vitest";
import { clientAddress, network } from "../../src/client.ts";

test.each([
  ["no header", undefined, "192.0.2.9"],
  ["one address", "203.0.113.1", "203.0.113.1"],
  ["IPv6", "2001:db8::1", "2001:db8::1"],
  [
    "a list, of which a client may have written the start",
    "10.0.0.1, 203.0.113.1 ",
    "203.0.113.1",
  ],
  ["a last entry that is no address", "203.0.113.1, unknown", "192.0.2.9"],
  ["nothing in it", "", "192.0.2.9"],
])("%s", (_name, value, address) => {
  const headers = { "x-forwarded-for": value };
  const request = { headers, ip: "192.0.2.9" } as unknown as FastifyRequest;
  expect(clientAddress("x-forwarded-for")(request)).toBe(address);
  expect(clientAddress()(request)).toBe("192.0.2.9");
});

test.each([
  ["203.0.113.7", "203.0.113.7"],
  ["::ffff:203.0.113.7", "203.0.113.7"],
  ["2001:db8::7", "2001:db8:0:0"],
  ["2001:db8:0:1:2:3:4:5", "2001:db8:0:1"],
  ["1:2::4:5:6:7:8", "1:2:0:4"],
  ["::1", "0:0:0:0"],
])("%s counts as %s", (address, counted) => {
  expect(network(address)).toBe(counted);
});
