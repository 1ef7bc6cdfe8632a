import { PermanentError } from "../../src/errors.ts";
import type { Fastio } from "../../src/fastio/types.ts";
import { hasUnnamedPeople, listUnnamedActors, namePerson } from "../../src/ledger/accesses.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import type { RunRow } from "../../src/ledger/schema.ts";

export type NamePeopleDeps = Pick<
  Fastio,
  "listMembers" | "listInvitations" | "listFileShareGrants" | "findMemberEmail"
>;

/** People of the workspace asked for one by one; the others follow the next time. */
const MAX_LOOKED_UP = 10;

/** Fast.io's events name people by ids: the addresses that go with them are looked for among those who may get in. */
export async function namePeople(db: Db, fastio: NamePeopleDeps, run: RunRow, signal: AbortSignal): Promise<void> {
  if (run.shareId === null || !(await hasUnnamedPeople(db, run.id))) return;
  for (const { id, email } of await listPeople(fastio, run, run.shareId, signal)) {
    if (id !== undefined && email !== undefined) await namePerson(db, run.id, id, email);
  }
  for (const userId of await listUnnamedActors(db, run.id, MAX_LOOKED_UP)) {
    const email = await fastio.findMemberEmail(run.workspaceId, userId, signal);
    if (email !== undefined) await namePerson(db, run.id, userId, email);
  }
}

type Person = { readonly id?: string | undefined; readonly email?: string | undefined };

async function listPeople(
  fastio: NamePeopleDeps,
  run: RunRow,
  shareId: string,
  signal: AbortSignal,
): Promise<readonly Person[]> {
  try {
    if (run.rule.deliver.as === "file-share")
      return (await fastio.listFileShareGrants(shareId, signal)).map(({ userId, email }) => ({ id: userId, email }));
    const members = await fastio.listMembers(shareId, signal);
    const invitations = await fastio.listInvitations(shareId, signal);
    return [...members, ...members.map(({ invitation, email }) => ({ id: invitation?.id, email })), ...invitations];
  } catch (error) {
    // Without addresses the ids still tell one from the other.
    if (error instanceof PermanentError && error.code !== "unauthorized") return [];
    throw error;
  }
}
