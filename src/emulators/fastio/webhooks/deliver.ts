import { Agent } from "undici";
import type { FaultRegistry } from "../../kit/faults.ts";
import type { ScaledTime } from "../../kit/time.ts";
import type { IdSource } from "../protocol/ids.ts";
import type { EventRow } from "../store/events.ts";
import { type Hook, type HookStore, isFamily } from "../store/hooks.ts";
import { DELIVERY_FAULT_KINDS, type DeliveryFault } from "./delivery-faults.ts";
import { wants } from "./event-names.ts";
import { createHourlyCap } from "./hourly-cap.ts";
import { createLimiter } from "./limiter.ts";
import { payloadOf } from "./payload.ts";
import { type Attempt, sendDelivery } from "./send.ts";
import { type ReadyKeys, signatureHeaders } from "./sign.ts";

/** Emulated milliseconds before each attempt; together a little under 24 hours. */
const SCHEDULE_MS = [0, 5_000, 30_000, 120_000, 600_000, 3_600_000, 10_800_000, 21_600_000, 43_200_000];
/** Real milliseconds a batch (shape P12) collects events. */
const BATCH_WINDOW_MS = 50;
const BATCH_MAX = 100;

export type DeliveryRecord = {
  readonly id: string;
  readonly webhookId: string;
  readonly event: string;
  readonly eventIds: readonly string[];
  readonly attempts: Attempt[];
  settled: "pending" | "delivered" | "gave_up" | "dropped" | "cancelled" | "blocked";
};

export type Deliverer = {
  /** Sends the event to every webhook that wants it. */
  announce(row: EventRow): void;
  /** Sends one event to one webhook whatever it subscribed to. */
  sendTo(hook: Hook, row: EventRow): DeliveryRecord;
  records(): readonly DeliveryRecord[];
  /** Sends a delivery again under the same id, as a record of its own; false when there is none. */
  replay(deliveryId: string): boolean;
  /** Stops retries and open requests. */
  close(): Promise<void>;
};

type Rows = readonly [EventRow, ...EventRow[]];
/** What goes wrong on purpose; attempts below zero mean all of them. */
type Plan = {
  readonly wrongAttempts: number;
  readonly staleSeconds: number;
  readonly staleAttempts: number;
  readonly oldSecretAttempts: number;
  readonly twoSecretsAttempts: number;
  readonly slowMs: number;
};
const attemptsOf = (fault: { readonly attempts: number } | undefined): number => (fault ? fault.attempts || -1 : 0);

export function createDeliverer(deps: {
  readonly time: ScaledTime;
  readonly ids: IdSource;
  readonly hooks: HookStore;
  readonly faults: Pick<FaultRegistry<DeliveryFault>, "takeExtra">;
  readonly parallel: number;
  /** How long a receiver may take, real milliseconds. */
  readonly timeoutMs: () => number;
  readonly closing: AbortSignal;
  readonly print: ((line: string) => void) | undefined;
}): Deliverer {
  const { time, closing } = deps;
  const agent = new Agent({ connections: deps.parallel, keepAliveTimeout: 30_000 });
  const limit = createLimiter(deps.parallel);
  const readyKeys: ReadyKeys = new Map();
  const records: DeliveryRecord[] = [];
  const sent = new Map<string, readonly [DeliveryRecord, Rows]>();
  const batches = new Map<string, EventRow[]>();
  const cap = createHourlyCap(time, closing);
  const heldBack = new Map<string, Set<() => void>>();

  const attempt = async (hook: Hook, record: DeliveryRecord, rows: Rows, plan: Plan): Promise<Attempt> => {
    const number = record.attempts.length + 1;
    const applies = (attempts: number): boolean => attempts < 0 || number <= attempts;
    const body = Buffer.from(JSON.stringify(payloadOf(hook.shape, rows)));
    const oldOr = (attempts: number): string =>
      applies(attempts) ? (hook.previousSecret ?? hook.secret) : hook.secret;
    const seconds = Math.floor(time.now() / 1000) - (applies(plan.staleAttempts) ? plan.staleSeconds : 0);
    const headers = {
      ...signatureHeaders(
        {
          scheme: hook.scheme,
          secret: applies(plan.wrongAttempts) ? `${hook.secret}wrong` : oldOr(plan.oldSecretAttempts),
          alsoSecret: applies(plan.twoSecretsAttempts) ? hook.previousSecret : undefined,
          // Base64 readers ignore what follows the padding, so a wrong secret is only wrong as text.
          keyForm: applies(plan.wrongAttempts) ? "literal" : hook.keyForm,
          body,
          timestamp: seconds,
          messageId: record.id,
        },
        readyKeys,
      ),
      "x-fastio-event": record.event,
      "x-fastio-delivery": record.id,
      "x-fastio-attempt": String(number),
    };
    const { url } = hook;
    const slow = plan.slowMs > 0 ? { slowMs: plan.slowMs } : {};
    const limits = { signal: closing, timeoutMs: deps.timeoutMs() };
    return sendDelivery({ url, headers, body, dispatcher: agent, nowMs: time.now(), ...limits, ...slow });
  };

  const run = async (hook: Hook, record: DeliveryRecord, rows: Rows, plan: Plan): Promise<void> => {
    await cap(hook);
    for (const pauseMs of SCHEDULE_MS) {
      if (pauseMs > 0) await time.sleep(pauseMs, closing);
      const current = deps.hooks.find(hook.id);
      if (!current?.enabled) {
        record.settled = "cancelled";
        return;
      }
      if (!isFamily(current.url, current.familyAllowlist)) {
        record.settled = "blocked";
        return;
      }
      const result = await limit(() => attempt(current, record, rows, plan));
      record.attempts.push(result);
      deps.print?.(`webhook ${record.event} -> ${result.status ?? result.error} (attempt ${record.attempts.length})`);
      releaseOthers(hook, record);
      if (result.status !== null && result.status >= 200 && result.status < 300) {
        record.settled = "delivered";
        return;
      }
    }
    record.settled = "gave_up";
  };

  const releaseOthers = (hook: Hook, record: DeliveryRecord): void => {
    const held = heldBack.get(hook.id);
    // A delivery that was held back itself does not free those that came after it.
    if (held && record.attempts.length === 1) for (const release of [...held]) release();
  };
  const hold = (hook: Hook, ms: number): Promise<void> =>
    new Promise((resolve) => {
      const held = heldBack.get(hook.id) ?? new Set<() => void>();
      heldBack.set(hook.id, held);
      const release = (): void => {
        clearTimeout(timer);
        closing.removeEventListener("abort", release);
        held.delete(release);
        resolve();
      };
      const timer = setTimeout(release, ms);
      closing.addEventListener("abort", release, { once: true });
      held.add(release);
    });
  const delayMs = (due: readonly DeliveryFault[]): number =>
    due.reduce((sum, fault) => sum + (fault.kind === "webhook_delay" ? fault.ms : 0), 0);

  const begin = (hook: Hook, record: DeliveryRecord, rows: Rows, due: readonly DeliveryFault[]): void => {
    const wrong = due.find((fault) => fault.kind === "webhook_wrong_signature");
    const stale = due.find((fault) => fault.kind === "webhook_stale");
    const reorder = due.find((fault) => fault.kind === "webhook_reorder");
    const plan: Plan = {
      wrongAttempts: attemptsOf(wrong),
      staleSeconds: stale?.seconds ?? 0,
      staleAttempts: attemptsOf(stale),
      oldSecretAttempts: attemptsOf(due.find((fault) => fault.kind === "webhook_old_secret")),
      twoSecretsAttempts: attemptsOf(due.find((fault) => fault.kind === "webhook_two_secrets")),
      slowMs: due.find((fault) => fault.kind === "webhook_slow_body")?.ms ?? 0,
    };
    const go = async (): Promise<void> => {
      if (reorder) await hold(hook, reorder.ms);
      if (delayMs(due) > 0) await time.sleep(delayMs(due) * (1000 / time.span(1000)), closing);
      await run(hook, record, rows, plan);
    };
    go().catch((error: unknown) => {
      if (!closing.aborted) deps.print?.(`webhook ${record.event} failed inside the emulator: ${String(error)}`);
    });
  };

  const open = (hook: Hook, rows: Rows, id = deps.ids.uuid()): DeliveryRecord => {
    const record: DeliveryRecord = {
      id,
      webhookId: hook.id,
      event: hook.shape === "P12" ? "batch" : rows[0].event,
      eventIds: rows.map((row) => row.id),
      attempts: [],
      settled: "pending",
    };
    records.push(record);
    sent.set(id, [record, rows]);
    return record;
  };

  const dispatch = (hook: Hook, rows: Rows): DeliveryRecord => {
    const due = deps.faults.takeExtra({ method: "POST", path: `${rows[0].event} ${hook.url}` }, DELIVERY_FAULT_KINDS);
    const record = open(hook, rows);
    if (due.some((fault) => fault.kind === "webhook_drop")) {
      record.settled = "dropped";
      return record;
    }
    begin(hook, record, rows, due);
    for (const fault of due) {
      if (fault.kind !== "webhook_duplicate") continue;
      for (let copy = 0; copy < fault.copies; copy += 1)
        begin(hook, open(hook, rows, fault.newIds ? undefined : record.id), rows, []);
    }
    return record;
  };

  const flush = (hook: Hook): void => {
    const [first, ...more] = batches.get(hook.id)?.splice(0, BATCH_MAX) ?? [];
    if (first) dispatch(hook, [first, ...more]);
  };
  const collect = (hook: Hook, row: EventRow): void => {
    const rows = batches.get(hook.id) ?? [];
    batches.set(hook.id, rows);
    rows.push(row);
    if (rows.length >= BATCH_MAX) flush(hook);
    else if (rows.length === 1) setTimeout(() => flush(hook), BATCH_WINDOW_MS);
  };

  return {
    announce: (row) => {
      const workspaceId = row.workspaceId ?? row.homeWorkspaceId;
      if (workspaceId === undefined) return;
      for (const hook of deps.hooks.list(workspaceId)) {
        if (!hook.enabled || !wants(hook.events, row.event)) continue;
        if (hook.shape === "P12") collect(hook, row);
        else dispatch(hook, [row]);
      }
    },
    sendTo: (hook, row) => dispatch(hook, [row]),
    records: () => records,
    replay: (deliveryId) => {
      const [record, rows] = sent.get(deliveryId) ?? [];
      const hook = record && deps.hooks.find(record.webhookId);
      if (!hook || !rows) return false;
      begin(hook, open(hook, rows, deliveryId), rows, []);
      return true;
    },
    close: () => agent.destroy(),
  };
}
