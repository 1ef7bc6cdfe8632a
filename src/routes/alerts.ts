import type { Hono } from "hono";
import { AlertListSchema, type ReadAlerts } from "../../handlers/read-alerts.ts";
import { alertsPage } from "../dashboard/alerts-page.ts";
import type { Guards, MountOperation } from "./api/mount-operations.ts";
import { operation } from "./api/operation.ts";

const LIST_ALERTS = operation({
  id: "listAlerts",
  method: "get",
  path: "/api/alerts",
  tag: "alerts",
  role: "viewer",
  summary: "What is wrong, and what was",
  description: "Alerts that are open, the latest first, and those that ended in the last 30 days.",
  answers: { 200: { description: "The alerts", schema: AlertListSchema } },
});

export const ALERT_OPERATIONS = [LIST_ALERTS];

/** What is wrong, and what was. */
export function mountAlerts(app: Hono, mount: MountOperation, { viewer }: Guards, alerts: ReadAlerts): void {
  mount(LIST_ALERTS, async () => ({ status: 200, body: await alerts.list() }));
  app.get("/alerts", viewer, async (context) => context.html(alertsPage(await alerts.list(), context.get("reader"))));
}
