import { PermanentError } from "../../src/errors.ts";
import { sameOpaqueId } from "../../src/fastio/opaque-id.ts";
import type { AskWish, Fastio } from "../../src/fastio/types.ts";
import type { AskPhase } from "../../src/ledger/answers.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { listOutputs } from "../../src/ledger/outputs.ts";
import { listFiles } from "../../src/ledger/run-files.ts";
import type { RunRow } from "../../src/ledger/schema.ts";
import { storageOfDelivery } from "../../src/rules/delivery-storage.ts";
import type { RuleAsk } from "../../src/rules/rule.ts";

export type ScopeDeps = { readonly db: Db; readonly fastio: Pick<Fastio, "isAskable" | "readNode"> };

/** What one question is about. */
export type QuestionScope = Pick<AskWish, "anywhere" | "folders" | "files">;

/** Whether a question can be put now; `lacks`: files it will pass over, in words. */
export type Readiness =
  | { readonly kind: "ready"; readonly scope: QuestionScope; readonly lacks: string | null }
  | { readonly kind: "later" }
  | { readonly kind: "never"; readonly note: string };

/** Files one question may name. */
const MAX_FILES = 100;

/**
 * Looks whether Fast.io's index knows what a question is about.
 * @param waits whether files that are being indexed may still be waited for
 * @throws {PermanentError} misconfigured when the workspace's intelligence is off; gone when the files are
 */
export async function readyScope(
  deps: ScopeDeps,
  run: RunRow,
  ask: RuleAsk,
  phase: AskPhase,
  waits: boolean,
  signal: AbortSignal,
): Promise<Readiness> {
  const { workspaceId } = run;
  const all = ask.scope === "workspace" ? [] : await filesOf(deps, run, phase);
  const files = all.slice(0, MAX_FILES);
  if (ask.scope === "files" && files.length === 0)
    return { kind: "never", note: "none of the files it is about lies in the workspace" };

  const state = await deps.fastio.isAskable({ workspaceId, files: files.map(({ nodeId }) => nodeId) }, signal);
  if (state.kind === "switched_off") throw switchedOff();
  const late = state.kind === "not_indexed" ? state.files : [];
  if (waits && late.some(({ why }) => why === "pending")) return { kind: "later" };
  if (files.length > 0 && late.length >= files.length && late.every(({ why }) => why === "gone"))
    throw new PermanentError("not_found", "the files that a question is about are gone", { failure: "gone" });
  if (ask.scope === "workspace") return { kind: "ready", scope: { anywhere: true }, lacks: null };

  const lacks = [
    ...(late.length > 0 ? [`${late.length} of ${files.length} files are not indexed (${why(late)})`] : []),
    ...(all.length > files.length ? [`only the first ${MAX_FILES} of ${all.length} files were asked about`] : []),
  ].join("; ");
  if (ask.scope === "folder") {
    const folder = await folderOf(deps, run, phase, signal);
    if (folder === undefined) return { kind: "never", note: "no folder of the workspace holds the files it is about" };
    const scope: QuestionScope = folder === "root" ? { anywhere: true } : { folders: [folder] };
    return { kind: "ready", scope, lacks: lacks || null };
  }
  if (late.length >= files.length) return { kind: "never", note: `Fast.io has not indexed the files (${why(late)})` };
  const isLate = (nodeId: string): boolean => late.some((file) => sameOpaqueId(file.nodeId, nodeId));
  return {
    kind: "ready",
    scope: { files: files.filter(({ nodeId }) => !isLate(nodeId)) },
    lacks: lacks || null,
  };
}

type File = NonNullable<AskWish["files"]>[number];

/** The run's sources, and after the workflow what it made of them, as far as they lie in the workspace. */
async function filesOf({ db }: ScopeDeps, run: RunRow, phase: AskPhase): Promise<readonly File[]> {
  const one = { nodeId: run.nodeId, versionId: run.versionId };
  const inWorkspace = run.sourceShareId === null;
  const sources = !inWorkspace ? [] : run.fileCount === null ? [one] : await listFiles(db, run.id);
  const isPlacedHere = phase === "after" && storageOfDelivery(run.rule.deliver) === "folder";
  const outputs = isPlacedHere ? await listOutputs(db, run.id) : [];
  return [
    ...outputs.flatMap(({ nodeId }) => (nodeId === null ? [] : [{ nodeId }])),
    ...sources.map(({ nodeId, versionId }) => ({ nodeId, versionId: versionId ?? undefined })),
  ];
}

/** The folder of the outputs once there is one, else that of the source; undefined: it lies in a share, where none is asked about. */
async function folderOf(
  { fastio }: ScopeDeps,
  run: RunRow,
  phase: AskPhase,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (phase === "after" && run.folderNodeId !== null) return run.folderNodeId;
  if (run.sourceShareId !== null) return undefined;
  return (await fastio.readNode(run.workspaceId, run.nodeId, signal)).parentId;
}

const WORDS = { off: "indexing is off", pending: "not done yet", failed: "it failed", gone: "gone" } as const;

const why = (late: readonly { readonly why: keyof typeof WORDS }[]): string =>
  [...new Set(late.map((file) => WORDS[file.why]))].join(", ");

const switchedOff = (): PermanentError =>
  new PermanentError("forbidden", "the workspace's intelligence is switched off, so it answers no questions", {
    failure: "misconfigured",
    nextAction: "switch on intelligence in the settings of this workspace, or remove ask from the rule",
  });
