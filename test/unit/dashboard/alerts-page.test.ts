import { expect, test } from "vitest";
import type { Alert } from "../../../handlers/read-alerts.ts";
import { alertsPage } from "../../../src/dashboard/alerts-page.ts";

const MINUTE_MS = 60_000;

test.each([
  { quietMs: MINUTE_MS, says: false },
  { quietMs: 3 * MINUTE_MS, says: true },
])(
  "an open alert that was not seen for $quietMs ms says that it may soon be over: $says",
  async ({ quietMs, says }) => {
    const atMs = 10 * MINUTE_MS;
    const alert = {
      kind: "app_down",
      subject: "a1b2",
      message: "does not answer",
      nextAction: "see",
      flaps: 0,
    } as const;
    const open: Alert[] = [{ ...alert, sinceMs: 0, lastSeenMs: atMs - quietMs, clearedAtMs: null, notifiedAtMs: null }];
    const reader = { role: "viewer", name: null, path: "/alerts", atMs, alerts: 1 } as const;
    const page = await alertsPage({ open, cleared: [], isTold: true }, reader);
    expect(page.toString().includes("not seen after 1970-01-01 00:07:00 UTC")).toBe(says);
  },
);
