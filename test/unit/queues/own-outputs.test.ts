import { expect, test } from "vitest";
import { createOwnOutputs } from "../../../queues/own-outputs.ts";

test("a file that was placed a moment ago is known however its id is spelt; another is not", () => {
  const own = createOwnOutputs();
  own.note("2abcdefghijabcdefghijabcdefghi", "a.csv");
  expect(own.nameOf("2ABCD-EFGHI-JABCD-EFGHI-JABCD-EFGHI")).toBe("a.csv");
  expect(own.nameOf("2other")).toBeUndefined();
});

test("the oldest is forgotten, so that memory stays bounded", () => {
  const own = createOwnOutputs();
  for (let at = 0; at <= 5_000; at += 1) own.note(`2node${at}`, "a.csv");
  expect(own.nameOf("2node0")).toBeUndefined();
  expect(own.nameOf("2node1")).toBe("a.csv");
});
