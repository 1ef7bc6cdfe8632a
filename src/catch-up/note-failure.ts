import { RelayError } from "../errors.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { listPullStates, type PullFault, recordPullFailure } from "../ledger/pull-states.ts";
import { messageOf } from "../message-of.ts";
import type { CompiledRule } from "../rules/compile-rules.ts";
import { meansWorkspace } from "../rules/same-id.ts";

type Workspace = { readonly id: string; readonly name: string };

/** What a rule says of its workspace and can be nothing but its id: such a number is nobody's name. */
const ID = /^\d{15,}$/;

/** What a page can tell of an error. */
export const faultOf = (error: unknown): PullFault => ({
  code: error instanceof RelayError ? error.code : "fault",
  message: messageOf(error),
  nextAction: error instanceof RelayError ? error.nextAction : undefined,
});

/** Writes down of each why it cannot be read. */
export async function noteFailure(
  db: Db,
  workspaces: readonly Workspace[],
  error: unknown,
  nowMs: number,
): Promise<void> {
  for (const workspace of workspaces) {
    // The ledger may be what failed; then the log has it.
    await recordPullFailure(db, workspace, faultOf(error), nowMs).catch(() => undefined);
  }
}

/**
 * The same where not even the list of workspaces could be had, as with a key that is refused: of those that were read
 * before, and of those that rules name by id.
 */
export async function noteFailureOfAll(
  db: Db,
  rules: readonly CompiledRule[],
  error: unknown,
  nowMs: number,
): Promise<void> {
  const wanted = rules.map(({ rule }) => rule.when.workspace);
  const known = (await listPullStates(db).catch(() => [])).flatMap(({ workspaceId: id, workspaceName: name }) =>
    wanted.some((one) => meansWorkspace(one, id, [name])) ? [{ id, name }] : [],
  );
  const named = wanted.filter((one) => ID.test(one)).map((id) => ({ id, name: id }));
  const workspaces = new Map([...named, ...known].map((one) => [one.id, one]));
  await noteFailure(db, [...workspaces.values()], error, nowMs);
}
