import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { DEFAULT_APP_KEY } from "../../../src/emulators/dify/defaults.ts";
import { type DifyEmulator, startDifyEmulator } from "../../../src/emulators/dify/start-dify-emulator.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import { type FastioEmulator, startFastioEmulator } from "../../../src/emulators/fastio/start.ts";
import { listRuns } from "../../../src/ledger/list-runs.ts";
import { type OtlpReceiver, type SentSpan, startOtlpReceiver } from "../../support/otlp-receiver.ts";
import { deliver, openReceiver, type Receiver, signed } from "../handlers/open-receiver.ts";

const STRANGER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

describe("one file, from its delivery to its share", () => {
  let collector: OtlpReceiver;
  let fastio: FastioEmulator;
  let dify: DifyEmulator;
  let relay: Receiver;
  let spans: readonly SentSpan[];
  beforeAll(async () => {
    collector = await startOtlpReceiver();
    fastio = await startFastioEmulator({ timeScale: 60 });
    dify = await startDifyEmulator({ quiet: true, workMs: 40 });
    relay = await openReceiver(
      {
        FASTIO_API_URL: fastio.apiUrl,
        FASTIO_API_KEY: FASTIO_EMULATOR_DEFAULTS.relayKey,
        DIFY_API_URL: dify.apiUrl,
        DIFY_API_KEY: DEFAULT_APP_KEY,
        CATCH_UP: "off",
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      },
      { work: ["events", "runs", "shares", "upkeep"] },
    );
    // One try fails, and the next one belongs to the same trace.
    dify.addFault({ match: { path: "/files/upload" }, action: { kind: "status", status: 503 }, times: 1 });
    const { nodeId } = await fastio.dropFile({ name: "table.csv", content: "a,b\n1,2\n" });
    const body = JSON.stringify({
      event: "file.created",
      event_id: "e-1",
      workspace_id: fastio.workspaceId,
      file_id: nodeId,
      timestamp: new Date().toISOString(),
    });
    const answer = await deliver(relay.url, body, { ...signed(body), traceparent: STRANGER });
    expect(answer.status).toBe(202);
    await vi.waitFor(
      async () => expect((await listRuns(relay.ledger.db, {}, 5)).map(({ status }) => status)).toEqual(["delivered"]),
      { timeout: 30_000 },
    );
    await relay.close();
    spans = collector.spans();
  });
  afterAll(async () => {
    await Promise.all([fastio.close(), dify.close()]);
    await collector.close();
  });

  const named = (name: string): readonly SentSpan[] => spans.filter((span) => span.name === name);
  /** The names from a span up to the beginning of its trace. */
  const above = (span: SentSpan | undefined): readonly string[] => {
    const parent = spans.find(({ spanId }) => spanId === span?.parentSpanId);
    return parent ? [parent.name, ...above(parent)] : [];
  };

  test("is one trace, with no span left without its parent", () => {
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined);
    expect(roots.map(({ name }) => name)).toEqual(["delivery.receive"]);
    const ids = new Set(spans.map(({ spanId }) => spanId));
    expect(spans.filter(({ parentSpanId }) => parentSpanId !== undefined && !ids.has(parentSpanId))).toEqual([]);
  });

  test("names a stranger's trace, and does not join it", () => {
    const [received] = named("delivery.receive");
    expect(received?.traceId).not.toBe(STRANGER.split("-")[1]);
    expect(received?.links).toMatchObject([{ traceId: STRANGER.split("-")[1], spanId: STRANGER.split("-")[2] }]);
  });

  test.each([
    ["event.route", ["process events", "add events.job", "delivery.receive"]],
    ["run.fetch", ["run.work"]],
    ["dify.file.upload", ["run.fetch", "run.work"]],
    ["dify.run.start", ["run.workflow", "run.work"]],
    ["fastio.share.create", ["run.share", "run.work"]],
  ])("%s stands below %j, and all below the delivery", (name, parents) => {
    const lines = named(name).map(above);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      expect(line.slice(0, parents.length)).toEqual(parents);
      expect(line.at(-1)).toBe("delivery.receive");
    }
  });

  test("shows the try that failed beside the one that did not", () => {
    expect(named("run.fetch").map(({ isError }) => isError)).toEqual([true, false]);
    expect(named("dify.file.upload").filter(({ isError }) => isError)).not.toHaveLength(0);
  });

  test("tells paths without what varies, and no secret", () => {
    const [started] = named("dify.run.start");
    expect(started?.attributes).toMatchObject({ "http.request.method": "POST", "url.template": "/v1/workflows/run" });
    expect(named("fastio.share.create")[0]?.attributes["url.template"]).toMatch(
      /^\/current\/workspace\/\{\}\/create\//,
    );
    for (const secret of [FASTIO_EMULATOR_DEFAULTS.relayKey, DEFAULT_APP_KEY, "table.csv", "sign=", "token="])
      expect(collector.raw()).not.toContain(secret);
  });
});

test("a collector that is away costs nothing but its traces", async () => {
  const gone = await startOtlpReceiver();
  await gone.close();
  const receiver = await openReceiver({ OTEL_EXPORTER_OTLP_ENDPOINT: gone.url });
  const body = JSON.stringify({ event: "file.created", event_id: "e-1", workspace_id: "1", file_id: "f-1" });
  expect((await deliver(receiver.url, body)).status).toBe(202);
  const startedMs = performance.now();
  await receiver.close();
  expect(performance.now() - startedMs).toBeLessThan(10_000);
});
