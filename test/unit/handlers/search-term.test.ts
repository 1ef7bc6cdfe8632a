import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readRunSearch } from "../../../handlers/run-search-query.ts";
import { readSearchTerm } from "../../../handlers/search-term.ts";
import { deriveRunId } from "../../../src/run-id.ts";

const NOW_MS = 1_795_327_200_000;

const runId = fc
  .record({ rule: fc.string(), nodeId: fc.string(), versionId: fc.option(fc.string(), { nil: undefined }) })
  .map(deriveRunId);
const opaqueId = fc.stringMatching(/^[a-z][a-z0-9]{29}$/);
const hyphened = (id: string): string => id.replaceAll(/.{5}(?=.)/g, "$&-");
const profileId = fc.stringMatching(/^[1-9]\d{18}$/);
/** Any code points, halves of characters among them. */
const anything = fc.array(fc.nat(0x10ffff)).map((points) => String.fromCodePoint(...points));
const anyId = fc.oneof(runId, opaqueId, profileId, fc.uuid());

describe("what is typed into the one field", () => {
  test("an id is taken for one in each of its spellings", () => {
    fc.assert(
      fc.property(opaqueId, fc.nat(3), (id, at) => {
        const spelled = [id, hyphened(id), id.toUpperCase(), `  ${hyphened(id).toUpperCase()}\n`][at] ?? id;
        expect(readSearchTerm(spelled)).toEqual({ kind: "ids", ids: [id] });
      }),
    );
    fc.assert(
      fc.property(fc.oneof(runId, profileId, fc.uuid()), (id) => {
        expect(readSearchTerm(id)).toEqual({ kind: "ids", ids: [id] });
      }),
    );
  });

  test("a link names the ids in it, wherever they stand, and itself", () => {
    const place = fc.constantFrom(
      (id: string) => `https://go.fast.io/shared/${id}/some-slug`,
      (id: string) => `https://acme.fast.io/workspace/3117763504443666597-legal/preview/${id}?page=2`,
      (id: string) => `https://example.com/x?node=${id}#top`,
      (id: string) => `http://127.0.0.1:8787/#/runs/${id}`,
      (id: string) => `HTTPS://GO.FAST.IO/shared/${encodeURIComponent(` ${id}`.trim())}/`,
    );
    fc.assert(
      fc.property(anyId, place, (id, linkTo) => {
        const link = linkTo(id);
        expect(readSearchTerm(link)).toMatchObject({
          kind: "link",
          ids: expect.arrayContaining([id]),
          urls: expect.arrayContaining([link]),
        });
      }),
    );
    fc.assert(
      fc.property(runId, (id) => {
        expect(readSearchTerm(`go.fast.io/shared/relay-${id}/summary`)).toMatchObject({ kind: "link", ids: [id] });
      }),
    );
  });

  test("an address is a person, in one case", () => {
    fc.assert(
      fc.property(
        fc.emailAddress().filter((email) => !email.includes("/")),
        (email) => {
          expect(readSearchTerm(email)).toEqual({ kind: "person", person: email.toLowerCase() });
        },
      ),
    );
  });

  test("whatever it is, it is understood or refused in words, and holds nothing that a database does not take", () => {
    fc.assert(
      fc.property(fc.oneof(anything, fc.string()), (text) => {
        const term = readSearchTerm(text);
        if (term.kind === "unusable") expect(term.reason).not.toBe("");
        else expect(JSON.stringify(term)).not.toMatch(/\\u0000|\\ud[89a-f]/i);
      }),
      { numRuns: 500 },
    );
  });

  test("in double quotes anything is part of a file name", () => {
    fc.assert(
      fc.property(fc.oneof(anyId, fc.emailAddress(), fc.webUrl()), (text) => {
        expect(readSearchTerm(`"${text}"`).kind).toBe("name");
      }),
    );
  });

  test.each([
    ["report@2x.final.pdf", "person"],
    ["Invoice 2026.pdf", "name"],
    ["a/b", "name"],
    ["100%", "name"],
    ["r123", "name"],
    ["12345", "name"],
    ["https://", "unusable"],
    ["\u202E\u200B", "unusable"],
    ["x".repeat(10_000), "unusable"],
  ])("%s is taken for: %s", (text, kind) => {
    expect(readSearchTerm(text).kind).toBe(kind);
  });
});

describe("the filters beside it", () => {
  test("what is asked for again as it was told asks for the same", () => {
    const value = fc.oneof(fc.string(), fc.constantFrom("failed", "failed,held", "24h", "2026-11-01", "share", "x"));
    const names = ["q", "file", "status", "rule", "workspace", "app", "person", "error", "step", "since", "until"];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), fc.oneof(value, fc.array(value))), (raw) => {
        const first = readRunSearch(raw, NOW_MS);
        const again = readRunSearch(first.asked, NOW_MS);
        expect(again).toMatchObject({
          filter: first.filter,
          asked: first.asked,
          understood: first.understood,
          problems: [],
        });
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["24h", NOW_MS - 86_400_000],
    ["7 d", NOW_MS - 7 * 86_400_000],
    ["2026-11-22", Date.UTC(2026, 10, 22)],
    ["2026-11-22T06:30", Date.UTC(2026, 10, 22, 6, 30)],
    ["2026-11-22 06:30:15+01:00", Date.UTC(2026, 10, 22, 5, 30, 15)],
    ["1795327200000", NOW_MS],
  ])("since %s", (since, sinceMs) => {
    expect(readRunSearch({ since }, NOW_MS)).toMatchObject({ filter: { sinceMs }, problems: [] });
  });

  test("several statuses are given with commas or one by one, each once, in any case", () => {
    for (const status of ["failed, HELD,failed", ["failed", "held"], ["held,failed", ""]])
      expect(readRunSearch({ status }, NOW_MS)).toMatchObject({ filter: { statuses: ["failed", "held"] } });
  });

  test("a time that ends before it begins is told, and not asked for", () => {
    const { filter, problems, asked } = readRunSearch({ since: "1h", until: "2h" }, NOW_MS);
    expect(problems).toEqual([{ name: "until", reason: expect.any(String) }]);
    expect(filter).not.toHaveProperty("untilMs");
    expect(asked).toEqual({ since: "1h" });
  });
});
