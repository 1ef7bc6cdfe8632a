import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { discard, readJson, readText } from "../../../src/http/readers.ts";
import type { OutboundResponse } from "../../../src/http/types.ts";

const answer = (pieces: readonly string[], headers: Record<string, string> = {}): OutboundResponse => ({
  status: 200,
  headers,
  body: Readable.from(pieces.map((piece) => Buffer.from(piece))),
});

const ABOUT = { operation: "dify.test", nextAction: "Look at it." } as const;

describe("readers", () => {
  test("join pieces before decoding, so that a split character survives", async () => {
    const bytes = Buffer.from('{"name":"é"}');
    const response = { ...answer([]), body: Readable.from([bytes.subarray(0, 10), bytes.subarray(10)]) };
    expect(await readJson(response, { maxBytes: 100 }, ABOUT)).toEqual({ name: "é" });
  });

  test("take exactly the limit", async () => {
    expect(await readText(answer(["12", "34"]), { maxBytes: 4 })).toBe("1234");
  });

  test("refuse one byte more and destroy the body", async () => {
    const response = answer(["12", "345", "6"]);
    await expect(readText(response, { maxBytes: 4 })).rejects.toMatchObject({ code: "too_large", retryable: false });
    expect(response.body.destroyed).toBe(true);
  });

  test("refuse by the announced length without reading", async () => {
    const response = answer(["1"], { "content-length": "5000" });
    await expect(readText(response, { maxBytes: 4 })).rejects.toMatchObject({ code: "too_large" });
    expect(response.body.destroyed).toBe(true);
  });

  test("give up an answer that trickles, and drop its connection", async () => {
    async function* trickle() {
      for (;;) {
        yield Buffer.from(" ");
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
    const response = { ...answer([]), body: Readable.from(trickle()) };
    const reading = readText(response, { maxBytes: Number.POSITIVE_INFINITY, withinMs: 50 });
    await expect(reading).rejects.toMatchObject({ code: "timed_out", failure: "transient", sent: true });
    expect(response.body.destroyed).toBe(true);
  });

  test("call a page that is no JSON malformed and do not quote it", async () => {
    const page = answer(["<html>secret</html>"]);
    const failure: unknown = await readJson(page, { maxBytes: 100 }, ABOUT).catch((error: unknown) => error);
    // A page for maintenance, say: it passes.
    expect(failure).toMatchObject({ code: "answer_malformed", failure: "transient", status: 200, ...ABOUT });
    expect(failure).not.toHaveProperty("cause");
    expect(String(failure)).not.toContain("secret");
  });

  test("discard waits for no small body that trickles, and drops its connection", async () => {
    const body = new Readable({ read: () => {} });
    body.push("1");
    await discard({ status: 503, headers: { "content-length": "1000" }, body }, 20);
    expect(body.destroyed).toBe(true);
  });

  test("discard ends a body of unknown length", async () => {
    const response = answer(["1"]);
    await discard(response);
    expect(response.body.destroyed).toBe(true);
  });
});
