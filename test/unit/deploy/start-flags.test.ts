import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { NODE_FLAGS } from "../../support/relay-process.ts";

const read = (name: string): string => readFileSync(new URL(`../../../${name}`, import.meta.url), "utf8");
const { scripts } = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(read("package.json")));
const [shebang = ""] = read("src/main.ts").split("\n");
const entry = z.array(z.string()).parse(JSON.parse(/^ENTRYPOINT (.*)$/m.exec(read("Dockerfile"))?.[1] ?? ""));

test.each([
  ["npm start", scripts["start"]],
  ["npm run dev", scripts["dev"]],
  ["npm run relay", scripts["relay"]],
  ["npx relay", shebang],
  ["the image", entry.join(" ")],
])(
  "%s has the flags of the relays in tests and benches: a small young generation, nothing forgotten in a short rest",
  (_, command) => {
    expect(command).toMatch(/\bnode /);
    for (const flag of NODE_FLAGS) expect(command).toContain(` ${flag}`);
  },
);
