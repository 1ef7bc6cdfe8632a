import { expect, test } from "vitest";
import { examineDelivery } from "../../../src/fastio/examine-delivery.ts";
import { createVerifier } from "../../../src/fastio/signatures/verify-delivery.ts";
import { answerLength } from "../../bench/load/connection.ts";
import { makeRequest } from "../../bench/load/make-request.ts";

const SECRET = "a secret of the bench that signs deliveries";

test("an answer ends where its length says, and a head that is not whole tells none", () => {
  const head = "HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\nx: y\r\n\r\n";
  expect(answerLength(`${head}hello`)).toBe(head.length + 5);
  expect(answerLength(head.slice(0, -1))).toBeUndefined();
  expect(() => answerLength("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")).toThrow("without a length");
});

test("each delivery of the load is 1 KB, rightly signed, and tells of one event that no other tells of", () => {
  const nowMs = Date.now();
  const keys = [0, 1].map((index) => {
    const request = Buffer.from(makeRequest({ name: "n", index, secret: SECRET, nowMs }));
    const end = request.indexOf("\r\n\r\n");
    const headers = new Map(
      request
        .subarray(0, end)
        .toString()
        .split("\r\n")
        .slice(1)
        .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)] as const),
    );
    const bytes = request.subarray(end + 4);
    expect(bytes.length).toBe(1_024);
    expect(headers.get("content-length")).toBe("1024");
    const examined = examineDelivery(
      { headers: (name) => headers.get(name), body: { kind: "bytes", bytes } },
      createVerifier({ secrets: [SECRET], scheme: "auto" }),
      nowMs,
    );
    if (examined.kind !== "good" || examined.content.kind !== "events") throw new Error(`it is ${examined.kind}`);
    return examined.content.events.map(({ id }) => id);
  });
  expect(keys.flat()).toHaveLength(2);
  expect(new Set(keys.flat()).size).toBe(2);
});
