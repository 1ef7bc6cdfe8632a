import { afterAll, beforeAll, expect, test } from "vitest";
import { recordFor } from "../../../src/ledger/accesses.ts";
import { givenRun } from "../../support/test-ledger.ts";
import { sampleRule } from "../../support/workbench.ts";
import { bearer, OPERATOR, openReceiver, type Receiver, ROLE_TOKENS, VIEWER } from "./open-receiver.ts";

const MADE_MS = Date.UTC(2026, 10, 1);
let receiver: Receiver;
const db = () => receiver.ledger.db;
beforeAll(async () => {
  receiver = await openReceiver(ROLE_TOKENS);
  const shared = {
    status: "delivered",
    queue: null,
    shareUrl: "https://go.fast.io/shared/one",
    shareReadyAtMs: MADE_MS,
    invited: ["reader@example.com"],
  } as const;
  const rule = sampleRule();
  await givenRun(db(), rule, { ...shared, id: "ropen", fileName: "Offer <i>.pdf", shareId: "s-open" });
  await givenRun(db(), rule, {
    ...shared,
    id: "rclosed",
    fileName: "old.pdf",
    shareId: "s-closed",
    shareClosedAtMs: MADE_MS,
  });
  await givenRun(db(), rule, { id: "rnone", fileName: "without-link.pdf" });
  const fact = { id: "e1", type: "file.accessed", shareId: "s-open", actorUserId: "u-1", occurredAtMs: MADE_MS };
  const run = { id: "ropen", ruleName: rule.name };
  expect(await recordFor(db(), run, "file.accessed", fact, "webhook", MADE_MS)).toBe(1);
});
afterAll(() => receiver?.close());

const page = async (path: string, token = VIEWER): Promise<{ status: number; text: string }> => {
  const response = await fetch(receiver.url + path, { headers: bearer(token) });
  return { status: response.status, text: await response.text() };
};

test("the open links are listed with how often they were used, and those that ended on wish", async () => {
  const open = (await page("/shares")).text;
  expect(open).toContain("Offer &lt;i&gt;.pdf");
  expect(open).toContain('<td data-label="Accesses">1</td>');
  expect(open).not.toContain("old.pdf");
  expect(open).not.toContain("without-link.pdf");
  const ended = (await page("/shares?state=ended")).text;
  expect(ended).toContain("old.pdf");
  expect(ended).toContain("closed at");
  expect((await page("/shares?state=all&rule=of-nobody")).text).toContain("No such links.");
  const api = await fetch(`${receiver.url}/api/shares`, { headers: bearer(VIEWER) });
  expect(await api.json()).toMatchObject({ shares: [{ run: "ropen", accesses: 1 }], next: null });
});

test("pages of links lead to older ones", async () => {
  const first = (await page("/shares?state=all&limit=1")).text;
  const next = /rel="next" href="([^"]+)"/.exec(first)?.[1]?.replaceAll("&amp;", "&");
  expect(next).toContain("state=all");
  const second = (await page(`${next}&limit=1`)).text;
  expect(second.includes("old.pdf")).toBe(!first.includes("old.pdf"));
});

test("a link's page tells for whom it is and who used it; only operators may close it", async () => {
  const { text } = await page("/shares/s-open");
  expect(text).toContain("reader@example.com");
  expect(text).toContain("u-1");
  expect(text).not.toContain("Close the link");
  expect((await page("/shares/ropen", OPERATOR)).text).toContain("Close the link");
  expect((await page("/shares/nothing")).status).toBe(404);
});

test.each(["rule=%00", "rule=a%0Ab", `rule=${"x".repeat(64)}`, "state=shut"])(
  "a list by %s is refused, not broken",
  async (query) => {
    const api = await fetch(`${receiver.url}/api/shares?${query}`, { headers: bearer(VIEWER) });
    expect(api.status).toBe(400);
    expect(await api.json()).toMatchObject({ faults: [{ in: "query", name: query.split("=")[0] }] });
    expect((await page(`/shares?${query}`)).status).toBe(200);
  },
);
