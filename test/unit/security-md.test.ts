import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const claims = [...readFileSync(`${ROOT}/SECURITY.md`, "utf8").matchAll(/`(test\/[\w./-]+)::([^`]+)`/g)].map(
  ([, file = "", title = ""]) => ({ file, title }),
);

describe("what SECURITY.md claims", () => {
  test("has tests", () => {
    expect(claims.length).toBeGreaterThan(40);
  });

  test.each(claims)("$file has $title", ({ file, title }) => {
    expect(existsSync(`${ROOT}/${file}`)).toBe(true);
    expect(readFileSync(`${ROOT}/${file}`, "utf8")).toContain(title);
  });
});
