import { and, eq, lt, or } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { toolRequests } from "./schema.ts";

export type ToolRequestKey = { readonly caller: string; readonly requestId: string };

type Kept = Readonly<Record<string, unknown>>;

export type RequestClaim =
  /** It is the caller's to carry out, until the lease ends. */
  | { readonly kind: "mine"; readonly startedAtMs: number; readonly isRepeat: boolean; readonly progress: Kept }
  | { readonly kind: "done"; readonly answer: Kept; readonly startedAtMs: number }
  | { readonly kind: "working" }
  /** The id was used for something else. */
  | { readonly kind: "other_call" };

/** Takes a request for whoever asks first; again once it failed, or its worker was not heard of for the length of the lease. */
export async function claimToolRequest(
  db: Db,
  claim: ToolRequestKey & {
    readonly operation: string;
    readonly inputHash: string;
    readonly owner: string;
    readonly untilMs: number;
  },
  nowMs: number,
): Promise<RequestClaim> {
  const fresh = await db
    .insert(toolRequests)
    .values({ ...claim, state: "working", startedAtMs: nowMs })
    .onConflictDoNothing()
    .returning({ owner: toolRequests.owner });
  if (fresh.length > 0) return { kind: "mine", startedAtMs: nowMs, isRepeat: false, progress: {} };

  const [known] = await db.select().from(toolRequests).where(isRequest(claim));
  if (!known) return { kind: "working" }; // forgotten this moment; the next look will take it
  if (known.operation !== claim.operation || known.inputHash !== claim.inputHash) return { kind: "other_call" };
  if (known.state === "done") return { kind: "done", answer: known.answer ?? {}, startedAtMs: known.startedAtMs };
  const isFree = or(eq(toolRequests.state, "failed"), lt(toolRequests.untilMs, nowMs));
  const [taken] = await db
    .update(toolRequests)
    .set({ state: "working", owner: claim.owner, untilMs: claim.untilMs })
    .where(and(isRequest(claim), eq(toolRequests.owner, known.owner), isFree))
    .returning();
  if (!taken) return { kind: "working" };
  return { kind: "mine", startedAtMs: taken.startedAtMs, isRepeat: true, progress: taken.progress ?? {} };
}

/** @returns false when somebody else has taken it meanwhile: what was learned is not written */
export async function updateToolRequest(
  db: Db,
  key: ToolRequestKey & { readonly owner: string },
  change: Partial<Pick<typeof toolRequests.$inferSelect, "state" | "untilMs" | "progress" | "answer" | "endedAtMs">>,
): Promise<boolean> {
  const rows = await db
    .update(toolRequests)
    .set(change)
    .where(and(isRequest(key), eq(toolRequests.owner, key.owner)))
    .returning({ owner: toolRequests.owner });
  return rows.length > 0;
}

/** Frees what was under way: right after start on an embedded ledger, whose only user is this process. */
export async function releaseToolRequests(db: Db): Promise<void> {
  await db.update(toolRequests).set({ state: "failed" }).where(eq(toolRequests.state, "working"));
}

const isRequest = ({ caller, requestId }: ToolRequestKey) =>
  and(eq(toolRequests.caller, caller), eq(toolRequests.requestId, requestId));
