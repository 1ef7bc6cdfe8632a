import { mkdtempSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openLedger } from "../../../src/ledger/open-ledger.ts";
import { setRuleState } from "../../../src/ledger/rule-state-queries.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { copyMadeLedger } from "../../support/made-ledger.ts";
import { SOON } from "../../support/soon.ts";
import { openReceiver, type Receiver } from "../handlers/open-receiver.ts";

const VIEWER = "a viewer's long token";
const bearer = { authorization: `Bearer ${VIEWER}` };

describe("a relay in whose ledger a rule was paused", () => {
  const heard: string[] = [];
  const webhook = createServer((request, response) => {
    request.on("data", (piece: Buffer) => heard.push(piece.toString("utf8")));
    request.on("end", () => response.end("ok"));
  });
  let relay: Receiver;
  beforeAll(async () => {
    await new Promise<void>((resolve) => webhook.listen(0, "127.0.0.1", resolve));
    const { port } = webhook.address() as AddressInfo; // it listens on a port
    const url = copyMadeLedger(join(mkdtempSync(join(tmpdir(), "relay-alerts-")), "data"));
    const ledger = await openLedger(url, silentLog);
    await setRuleState(ledger.db, {
      ...{ ruleName: "invoices", state: "paused", changedBy: "relay", sinceMs: Date.now() },
      ...{ reason: "the app's key is <wrong>", nextAction: "set another key" },
    });
    await ledger.close();
    relay = await openReceiver(
      {
        DATABASE_URL: url,
        CATCH_UP: "off",
        RELAY_TOKENS: `viewer:${VIEWER}`,
        NOTICE_HOSTS: `127.0.0.1:${port}`,
        ALERT_NOTICE_URL: `http://127.0.0.1:${port}/in/secret-path`,
      },
      { work: ["upkeep"] },
    );
    await vi.waitFor(() => expect(heard).toHaveLength(1), SOON);
  });
  afterAll(async () => {
    await relay.close();
    webhook.close();
  });

  test("tells the webhook what is wrong and what to do", () => {
    expect(JSON.parse(heard[0] ?? "")).toEqual({
      text: "relay: the relay paused the rule invoices: the app's key is &lt;wrong&gt;.\n→ set another key; then relay rules resume invoices",
    });
  });

  test("shows it at /api/alerts, on its page and in the metrics", async () => {
    const list = await (await fetch(`${relay.url}/api/alerts`, { headers: bearer })).json();
    expect(list).toMatchObject({
      open: [{ kind: "rule_paused", subject: "invoices", flaps: 0, clearedAtMs: null }],
      cleared: [],
      isTold: true,
    });
    const page = await (await fetch(`${relay.url}/alerts`, { headers: bearer })).text();
    expect(page).toContain("A rule was paused");
    expect(page).toContain("the app&#39;s key is &lt;wrong&gt;");
    expect(page).not.toContain("secret-path");
    expect(await (await fetch(`${relay.url}/metrics`)).text()).toContain(
      'relay_alert{kind="rule_paused",subject="invoices"} 1',
    );
  });

  test("counts it in the header of every page that a person opens", async () => {
    const login = await fetch(`${relay.url}/rules?token=${encodeURIComponent(VIEWER)}`, { redirect: "manual" });
    const cookie = login.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const page = await (await fetch(`${relay.url}/rules`, { headers: { cookie, accept: "text/html" } })).text();
    expect(page).toContain('<a href="/alerts">1 alert</a>');
  });

  test("asks nobody for alerts without a token", async () => {
    expect((await fetch(`${relay.url}/api/alerts`)).status).toBe(401);
  });
});
