import { describe, expect, test, vi } from "vitest";
import { readLimitedBody } from "../../src/read-body.ts";

const LIMIT = 10;

/** A body that arrives in these pieces, and then ends or breaks. */
function bodyOf(
  pieces: readonly string[],
  options: { readonly breaks?: boolean; readonly onCancel?: () => void } = {},
) {
  const left = pieces.map((piece) => Buffer.from(piece));
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        const piece = left.shift();
        if (piece) controller.enqueue(piece);
        else if (options.breaks) controller.error(new Error("connection reset"));
        else controller.close();
      },
      cancel: () => options.onCancel?.(),
    },
    { highWaterMark: 0 },
  );
}

const textOf = (body: Awaited<ReturnType<typeof readLimitedBody>>): string =>
  body.kind === "bytes" ? Buffer.from(body.bytes).toString() : body.kind;

describe("a body within the limit", () => {
  test.each([[["0123456789"]], [["01234", "56789"]], [[..."0123456789"]], [["", "0123456789", ""]]])(
    "is read whole, in whatever pieces it comes (%j)",
    async (pieces) => {
      expect(textOf(await readLimitedBody(bodyOf(pieces), LIMIT))).toBe("0123456789");
      expect(textOf(await readLimitedBody(bodyOf(pieces), LIMIT, 10))).toBe("0123456789");
    },
  );

  test("may be empty, or not be there", async () => {
    expect(textOf(await readLimitedBody(bodyOf([]), LIMIT))).toBe("");
    expect(textOf(await readLimitedBody(null, LIMIT, 0))).toBe("");
  });
});

describe("a body over the limit", () => {
  test("is not read at all when it says so itself", async () => {
    const onCancel = vi.fn();
    const body = bodyOf(["0"], { onCancel });
    expect(await readLimitedBody(body, LIMIT, 11)).toEqual({ kind: "too_large", seenBytes: 11 });
    expect(onCancel).toHaveBeenCalledOnce();
  });

  test("is left as soon as the limit is passed when it said nothing, or lied", async () => {
    for (const declared of [undefined, 3]) {
      const onCancel = vi.fn();
      const body = bodyOf(["012345", "6789ab", "never read"], { onCancel });
      expect(await readLimitedBody(body, LIMIT, declared)).toEqual({ kind: "too_large", seenBytes: 12 });
      expect(onCancel).toHaveBeenCalledOnce();
    }
  });
});

test("a body that breaks off is told apart from one that ends", async () => {
  expect(await readLimitedBody(bodyOf(["0123"], { breaks: true }), LIMIT)).toEqual({ kind: "cut_short", seenBytes: 4 });
});
