import type { Fastio } from "../../src/fastio/types.ts";
import type { EventRow } from "../../src/ledger/schema.ts";
import type { CompiledRule } from "../../src/rules/compile-rules.ts";
import type { EventSubject } from "./find-subject.ts";

export type Actor = { readonly userId: string | undefined; readonly email: string | undefined };

type FindDeps = Pick<Fastio, "findMemberEmail">;

/** Events that a listing found name nobody; of new content, whoever made it is meant. */
const MADE_BY_CREATOR = ["file.created", "file.version_added"];

/** Who caused the event. The address is asked for only where a rule speaks of it. */
export async function findActor(
  fastio: FindDeps,
  event: Pick<EventRow, "actorUserId" | "type">,
  subject: EventSubject,
  wanted: readonly CompiledRule[],
  signal: AbortSignal,
): Promise<Actor> {
  const userId = event.actorUserId ?? (MADE_BY_CREATOR.includes(event.type) ? subject.node.creatorId : undefined);
  const asked = userId !== undefined && wanted.some(({ mentions }) => mentions.has("event.actor.email"));
  return { userId, email: asked ? await findEmail(fastio, userId, subject, signal) : undefined };
}

/** Whoever uploads into a share need not be a member of its workspace. */
export async function findEmail(
  fastio: FindDeps,
  userId: string,
  { share, workspaceId }: Pick<EventSubject, "share" | "workspaceId">,
  signal: AbortSignal,
): Promise<string | undefined> {
  const guest = share && (await fastio.findMemberEmail({ shareId: share.id }, userId, signal));
  return guest ?? fastio.findMemberEmail(workspaceId, userId, signal);
}
