import { expect, test } from "vitest";
import { uploadName } from "../../../src/dify/upload-name.ts";

test.each([
  ["People.Csv", "People.csv"],
  ["Q3: results?.txt", "Q3_ results_.txt"],
  ["a/b\\c.md", "a_b_c.md"],
  ["noext", "noext"],
  [`2026.01.15 ${"x".repeat(240)}.PDF`, `2026.01.15 ${"x".repeat(185)}.pdf`],
  [`${"📚".repeat(150)}.md`, `${"📚".repeat(150)}.md`],
  [`${"📚".repeat(250)}.md`, `${"📚".repeat(197)}.md`],
  [`Minutes. ${"and so on ".repeat(30)}`, `Minutes. ${"and so on ".repeat(30)}`.slice(0, 200)],
])("%s goes up as %s", (name, sent) => {
  expect(uploadName(name)).toBe(sent);
  expect([...uploadName(name)].length).toBeLessThanOrEqual(200);
});
