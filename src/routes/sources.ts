import { z } from "zod";
import type { CatchUpNow } from "../../handlers/catch-up-now.ts";
import { MOST_HOURS, type ReadSourceReport, SourceReport, SourcesQuery } from "../../handlers/read-sources.ts";
import type { Clock } from "../clock.ts";
import { RelayError } from "../errors.ts";
import type { MountOperation } from "./api/mount-operations.ts";
import { operation } from "./api/operation.ts";

const READ_SOURCES = operation({
  id: "readSources",
  method: "get",
  path: "/api/sources",
  tag: "sources",
  role: "viewer",
  summary: "How events reached the relay",
  description: "By workspace: what webhooks told, what catch-up found, and what only catch-up found.",
  query: SourcesQuery,
  answers: { 200: { description: "The report", schema: SourceReport } },
});

const HOUR_MS = 3_600_000;

const CatchUpWish = z.strictObject({
  hours: z.number().positive().max(MOST_HOURS).default(2).describe("How far back Fast.io is asked"),
});

const CATCH_UP_NOW = operation({
  id: "catchUp",
  method: "post",
  path: "/api/catch-up",
  tag: "sources",
  role: "operator",
  summary: "Ask Fast.io what webhooks did not tell",
  description:
    "For each workspace that a rule names, everything since then, as far as the ledger remembers what it did (`RETENTION_DAYS`); where events cannot be searched, what came since they were last read, and a `note` says so. What is new goes its way at once. It answers when all were asked. Safe to repeat.",
  body: CatchUpWish,
  answers: {
    200: {
      description: "What that brought, by workspace",
      schema: z
        .object({
          workspaces: z.array(
            z.object({
              workspaceId: z.string(),
              fresh: z.int().describe("Events that were not known before"),
              note: z.string().nullable().describe("Why it was not asked, or not for all of the time; null: it was"),
            }),
          ),
        })
        .meta({ id: "CaughtUp" }),
    },
  },
  refusals: { 502: "Fast.io does not answer, or refuses." },
});

export const SOURCE_OPERATIONS = [READ_SOURCES, CATCH_UP_NOW];

export type SourceRouteDeps = {
  readonly readSources: ReadSourceReport;
  readonly catchUpNow: CatchUpNow;
  readonly clock: Pick<Clock, "now">;
};

export function mountSources(mount: MountOperation, { readSources, catchUpNow, clock }: SourceRouteDeps): void {
  mount(READ_SOURCES, async ({ query }) => ({ status: 200, body: await readSources(query) }));
  mount(CATCH_UP_NOW, async ({ body }, context) => {
    const sinceMs = clock.now() - body.hours * HOUR_MS;
    try {
      const { signal } = context.req.raw;
      const workspaces = await catchUpNow(Math.round(sinceMs), signal, { actor: context.get("who") });
      return { status: 200, body: { workspaces } };
    } catch (error) {
      // Of a bug, the log of the route tells.
      if (!(error instanceof RelayError)) throw error;
      return { status: 502, error: error.message };
    }
  });
}
