import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPrometheus } from "../../../src/telemetry/prometheus.ts";
import { openTestLedger, type TestLedger } from "../../support/test-ledger.ts";
import { openWorkbench } from "../../support/workbench.ts";
import { bodyOf, deliver, openReceiver, type Receiver } from "../handlers/open-receiver.ts";

const VIEWER = "a viewer's long token";
const bearer = { authorization: `Bearer ${VIEWER}` };

describe("a receiver", () => {
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await openReceiver({ RELAY_TOKENS: `viewer:${VIEWER}` });
  });
  afterAll(() => receiver.close());

  test("tells what came in, and what the ledger and the queue hold", async () => {
    await deliver(receiver.url, bodyOf("e-1"));
    await deliver(receiver.url, bodyOf("e-1"));
    await deliver(receiver.url, bodyOf("e-2"), { "content-type": "application/json" });
    const response = await fetch(`${receiver.url}/metrics`);
    const text = await response.text();
    expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text).toContain('relay_deliveries_total{route="fastio",verdict="accepted"} 1');
    expect(text).toContain('relay_deliveries_total{route="fastio",verdict="duplicate"} 1');
    expect(text).toContain('relay_deliveries_total{route="fastio",verdict="refused"} 1');
    expect(text).toContain('relay_delivery_ack_seconds_count{route="fastio"} 3');
    expect(text).toContain("relay_events_unrouted 1");
    expect(text).toContain('relay_queue_jobs{queue="events",state="waiting"} 1');
    expect(text).toMatch(/relay_outbox_depth\{kind="event"\} \d/);
    expect(text).not.toMatch(/relay_scrape_errors_total\{/);
  });

  test.each([
    ["through a proxy", { "x-forwarded-for": "203.0.113.7" }],
    ["by another name, as a page in a browser may", { host: "evil.example" }],
  ])("asks whoever comes %s for a token", async (_how, headers) => {
    const { request } = await import("undici");
    const ask = async (more: Readonly<Record<string, string>>) => {
      const { statusCode, body } = await request(`${receiver.url}/metrics`, { headers: { ...headers, ...more } });
      await body.dump();
      return statusCode;
    };
    expect(await ask({})).toBe(401);
    expect(await ask(bearer)).toBe(200);
  });
});

test("with a public address everybody needs a token, since a proxy on this machine looks like one of us", async () => {
  const receiver = await openReceiver({
    RELAY_TOKENS: `viewer:${VIEWER}`,
    PUBLIC_URL: "https://relay.example.com",
  });
  try {
    expect((await fetch(`${receiver.url}/metrics`)).status).toBe(401);
    expect((await fetch(`${receiver.url}/metrics`, { headers: bearer })).status).toBe(200);
  } finally {
    await receiver.close();
  }
});

test("a process that only works tells its figures and its health on METRICS_PORT, and nothing else", async () => {
  const worker = await openReceiver({ METRICS_PORT: "0", CATCH_UP: "off" }, { receive: false, work: ["shares"] });
  try {
    expect(await (await fetch(`${worker.url}/metrics`)).text()).toContain("relay_build_info{");
    expect(await (await fetch(`${worker.url}/readyz`)).json()).toMatchObject({ ready: true });
    expect((await fetch(`${worker.url}/runs`)).status).toBe(404);
    expect((await deliver(worker.url, bodyOf("e-9"))).status).toBe(404);
  } finally {
    await worker.close();
  }
});

describe("a file on its way", () => {
  let ledger: TestLedger;
  const { metrics, print } = createPrometheus({ version: "0", ofProcess: false });
  beforeAll(async () => {
    ledger = await openTestLedger();
  });
  afterAll(() => ledger.dispose());

  test("is counted at each step: calls, bytes, wait and work, and its end", async () => {
    const bench = await openWorkbench(ledger.db, { metrics });
    const run = await bench.drop();
    await bench.drive(run.id);
    const text = await print([]);
    for (const step of ["fetch", "workflow", "collect", "folder", "place", "share"]) {
      expect(text).toContain(`relay_attempts_total{step="${step}",outcome="done",failure=""} 1`);
      expect(text).toContain(`relay_step_work_seconds_count{step="${step}",outcome="done"} 1`);
      expect(text).toContain(`relay_step_wait_seconds_count{step="${step}"} 1`);
    }
    expect(text).toContain(`relay_runs_ended_total{rule="${run.ruleName}",status="delivered"} 1`);
    expect(text).toMatch(
      /relay_upstream_call_seconds_count\{upstream="dify",operation="dify.run.start",outcome="ok"\} 1/,
    );
    expect(text).toMatch(
      /relay_upstream_call_seconds_count\{upstream="fastio",operation="fastio.share.create",outcome="ok"\} 1/,
    );
    expect(text).toMatch(/relay_file_bytes_total\{direction="in"\} [1-9]/);
    expect(text).toMatch(/relay_file_bytes_total\{direction="out"\} [1-9]/);
  });

  test("that no rule wants is counted by what did not fit", async () => {
    const bench = await openWorkbench(ledger.db, { metrics });
    const { nodeId } = await bench.fastio.dropFile({ folder: "/Elsewhere", name: "other.csv", content: "a\n" });
    await bench.route(nodeId);
    expect(await print([])).toContain(`relay_events_dropped_total{rule="${bench.rule.name}",reason="folder"} 1`);
  });
});
