import { type ReadSourceReport, SourceReport, SourcesQuery } from "../../handlers/read-sources.ts";
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

export const SOURCE_OPERATIONS = [READ_SOURCES];

export function mountSources(mount: MountOperation, readSources: ReadSourceReport): void {
  mount(READ_SOURCES, async ({ query }) => ({ status: 200, body: await readSources(query) }));
}
