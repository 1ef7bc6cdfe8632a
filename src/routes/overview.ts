import type { Hono } from "hono";
import { Overview } from "../../handlers/overview-schemas.ts";
import type { ReadOverview } from "../../handlers/read-overview.ts";
import { overviewPage } from "../dashboard/overview-page.ts";
import type { Guards, MountOperation } from "./api/mount-operations.ts";
import { operation } from "./api/operation.ts";

const READ_OVERVIEW = operation({
  id: "readOverview",
  method: "get",
  path: "/api/overview",
  tag: "overview",
  role: "viewer",
  summary: "How the relay fares",
  description: "What is open, how the last hour and day ended, per app and rule, and what needs a person.",
  answers: { 200: { description: "The overview", schema: Overview } },
});

export const OVERVIEW_OPERATIONS = [READ_OVERVIEW];

/** The first page. */
export function mountOverview(app: Hono, mount: MountOperation, { viewer }: Guards, readOverview: ReadOverview): void {
  mount(READ_OVERVIEW, async () => ({ status: 200, body: await readOverview() }));
  app.get("/", viewer, async (context) => context.html(overviewPage(await readOverview(), context.get("reader"))));
}
