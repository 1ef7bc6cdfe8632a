import { z } from "zod";
import type { FastioEvent } from "../../src/fastio/events/event.ts";
import { normaliseEvent } from "../../src/fastio/events/normalise-event.ts";
import type { Fastio } from "../../src/fastio/types.ts";
import { ACCESS_KINDS, isAccess } from "../../src/ledger/access-kinds.ts";
import type { AccessList } from "../share-schemas.ts";
import { messageField, shareField, workspaceField } from "./fields.ts";
import { findShareIn, openWorkspace } from "./find-place.ts";
import { defineTool } from "./tool.ts";

const DAY_MS = 86_400_000;
/** Event search is slow and rationed, and the newest come first. */
const MOST_PAGES = 5;
/** Addresses looked up for one answer. */
const MOST_PEOPLE = 20;

const Access = z.object({
  at: z.string().describe("ISO 8601"),
  what: z.string(),
  who: z.string().describe("E-mail address or user id; left out where Fast.io does not tell").optional(),
  file: z.string().describe("Name or id of the file, folder or person").optional(),
});

export const shareAccess = defineTool({
  name: "shareAccess",
  path: "share-access",
  summary: "See who opened a share",
  description:
    "Tells who opened files of a share, downloaded it, put files in or answered an invitation, newest first, as far as Fast.io tells.",
  effect: "read",
  input: z.strictObject({
    workspace: workspaceField,
    share: shareField,
    days: z.int().min(1).max(365).describe("How far back to look.").default(30),
    limit: z.int().min(1).max(200).describe("How many at most.").default(50),
  }),
  output: z.object({
    message: messageField,
    accesses: z.array(Access),
    more: z.boolean().describe("There are more than these"),
  }),
  run:
    ({ fastio, now, readDelivered }) =>
    async ({ workspace: reference, share: shareId, days, limit }, call) => {
      const workspace = await openWorkspace(fastio, reference, call);
      const share = await findShareIn(fastio, workspace, shareId, call.signal);
      const sinceMs = now() - days * DAY_MS;
      const story = await readDelivered(share.id);
      const found =
        story === undefined
          ? await searchAccesses(fastio, share.id, { sinceMs, limit }, call.signal)
          : takeLatest(story.accesses, { sinceMs, limit });
      const opened = found.accesses.filter(({ what }) => OPENED.has(what)).length;
      const message =
        opened === 0
          ? `Nobody has opened a file of this share in the last ${days} days, as far as Fast.io tells.`
          : `Files of this share were opened ${opened}${found.more ? " or more" : ""} times in the last ${days} days.`;
      return { answer: { message, ...found }, target: share.id };
    },
});

type Found = { readonly accesses: z.input<typeof Access>[]; readonly more: boolean };
type Span = { readonly sinceMs: number; readonly limit: number };

const OPENED: ReadonlySet<string> = new Set([ACCESS_KINDS["file.accessed"], ACCESS_KINDS["folder.downloaded"]]);
const BROUGHT = "put a file in";

/** What the ledger knows of a share that the relay made. */
function takeLatest({ count, latest }: AccessList, { sinceMs, limit }: Span): Found {
  const recent = latest.filter(({ atMs }) => atMs >= sinceMs);
  const accesses = recent.slice(0, limit).map(({ atMs, did, who, what }) => ({
    at: new Date(atMs).toISOString(),
    what: did,
    who: who === "anonymous" || who === "not told" ? undefined : who,
    file: what ?? undefined,
  }));
  return { accesses, more: recent.length > limit || (recent.length === latest.length && count > latest.length) };
}

/** What Fast.io knows of any other. */
async function searchAccesses(
  fastio: Pick<Fastio, "searchEvents" | "findMemberEmail">,
  shareId: string,
  { sinceMs, limit }: Span,
  signal: AbortSignal,
): Promise<Found> {
  const found = new Map<string, FastioEvent>();
  let pages = 0;
  for await (const rows of fastio.searchEvents({ shareId, since: sinceMs }, signal)) {
    for (const row of rows) {
      const reading = normaliseEvent(row, { receivedAtMs: sinceMs, source: "search" });
      if (reading.kind === "event" && wordsOf(reading.event.type) !== undefined)
        found.set(reading.event.id, reading.event);
    }
    pages += 1;
    if (pages >= MOST_PAGES || found.size > limit) break;
  }
  const events = [...found.values()].toSorted((left, right) => right.occurredAtMs - left.occurredAtMs);
  const names = await namePeople(fastio, shareId, events, signal);
  const accesses = events.slice(0, limit).map(({ type, occurredAtMs, actorUserId, objectId, name }) => ({
    at: new Date(occurredAtMs).toISOString(),
    what: wordsOf(type) ?? type,
    who: actorUserId === undefined ? undefined : (names.get(actorUserId) ?? actorUserId),
    file: name ?? objectId,
  }));
  return { accesses, more: events.length > limit || pages >= MOST_PAGES };
}

const wordsOf = (type: FastioEvent["type"]): string | undefined =>
  isAccess(type) ? ACCESS_KINDS[type] : type === "file.created" ? BROUGHT : undefined;

async function namePeople(
  fastio: Pick<Fastio, "findMemberEmail">,
  shareId: string,
  events: readonly FastioEvent[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const people = [...new Set(events.flatMap(({ actorUserId }) => actorUserId ?? []))].slice(0, MOST_PEOPLE);
  const named = await Promise.all(
    people.map(async (id) => [id, await fastio.findMemberEmail({ shareId }, id, signal)] as const),
  );
  return new Map(named.flatMap(([id, email]) => (email === undefined ? [] : [[id, email] as const])));
}
