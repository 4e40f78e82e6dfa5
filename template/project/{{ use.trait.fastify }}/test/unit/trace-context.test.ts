import { expect, test } from "vitest";
import { traceContext, traceparent } from "../../src/trace-context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

const read = (header?: string) =>
  traceContext({ headers: { traceparent: header } });

test.each([
  [`00-${TRACE}-${SPAN}-01`, 1],
  [`00-${TRACE}-${SPAN}-00`, 0],
  [`cc-${TRACE}-${SPAN}-ff-more`, 1],
])("%s says of which trace it is", (header, traceFlags) => {
  expect(read(header)).toEqual({ traceId: TRACE, spanId: SPAN, traceFlags });
});

test.each([
  undefined,
  "",
  "trace",
  `ff-${TRACE}-${SPAN}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${"0".repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${"0".repeat(16)}-01`,
  `00-${TRACE}-${SPAN}-01-more`,
  `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
])("%s says nothing", (header) => {
  expect(read(header)).toBeUndefined();
});

test("what is read is written as it was", () => {
  const header = `00-${TRACE}-${SPAN}-01`;
  expect(traceparent(read(header) ?? expect.fail())).toBe(header);
});
