import type { DifyBooks } from "../../src/emulators/dify/books.ts";
import type { FastioBooks } from "../../src/emulators/fastio/books.ts";
import type { ToldRun } from "./ask-relay.ts";
import type { Drop } from "./plan-drops.ts";

/** What became of all that was dropped, by the emulators' books and by what the ledger told. */
export type Account = {
  readonly dropped: number;
  /** File versions that a rule takes. */
  readonly taken: number;
  readonly versions: number;
  /** Workflow runs that Dify finished, and shares that stand in Fast.io. */
  readonly workflowRuns: number;
  readonly shares: number;
  /** Runs that the ledger told of as delivered. */
  readonly delivered: number;
  /** What is wrong, in words: files lost or doubled, and what nobody can explain. Empty when all is well. */
  readonly faults: readonly string[];
};

export type Books = { readonly fastio: FastioBooks; readonly dify: DifyBooks };

const END_USER = /^relay-/;

/** Compares the books: each file version that a rule takes has one finished workflow run, one delivered run and one share. */
export function settleAccount(drops: readonly Drop[], told: ReadonlyMap<string, ToldRun>, books: Books): Account {
  const faults: string[] = [];
  const shaOf = new Map(books.dify.uploads.map(({ id, sha256 }) => [id, sha256]));
  const runsOf = new Map<string, string[]>();
  const finished = books.dify.runs.filter(({ status }) => status === "succeeded" || status === "partial-succeeded");
  for (const run of finished) {
    for (const sha256 of uploadsOf(run.inputs).map((id) => shaOf.get(id) ?? `upload ${id}`))
      runsOf.set(sha256, [...(runsOf.get(sha256) ?? []), run.user.replace(END_USER, "")]);
  }
  const sharesAt = countBy(books.fastio.shares.map(({ url }) => url));
  const taken = drops.filter(({ isTaken }) => isTaken);
  const claimed = new Set<string>();
  for (const drop of drops) {
    const what = `${drop.folder}/${drop.name} (${drop.sha256.slice(0, 8)})`;
    const ids = runsOf.get(drop.sha256) ?? [];
    runsOf.delete(drop.sha256);
    if (!drop.isTaken) {
      if (ids.length > 0) faults.push(`${what}: no rule takes it, and it had ${ids.length} workflow runs`);
      continue;
    }
    if (ids.length !== 1) faults.push(`${what}: ${ids.length} finished workflow runs`);
    for (const id of ids) {
      const run = told.get(id);
      if (run?.status !== "delivered")
        faults.push(`${what}: run ${id} is ${run?.status ?? "unknown"} (${run?.error ?? ""})`);
      const url = run?.share ?? "";
      if (sharesAt.get(url) !== 1) faults.push(`${what}: ${sharesAt.get(url) ?? 0} shares at the link of run ${id}`);
      claimed.add(url);
    }
  }
  for (const [sha256, ids] of runsOf) faults.push(`${sha256}: ${ids.length} workflow runs on what nobody dropped`);
  for (const { url } of books.fastio.shares)
    if (!claimed.has(url)) faults.push(`${url}: a share that belongs to no file`);
  return {
    dropped: drops.length,
    taken: taken.length,
    versions: taken.filter(({ isVersion }) => isVersion).length,
    workflowRuns: finished.length,
    shares: books.fastio.shares.length,
    delivered: [...told.values()].filter(({ status }) => status === "delivered").length,
    faults,
  };
}

function countBy(values: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** Ids of the uploads in a workflow run's inputs. */
function uploadsOf(inputs: unknown): readonly string[] {
  if (Array.isArray(inputs)) return inputs.flatMap(uploadsOf);
  if (typeof inputs !== "object" || inputs === null) return [];
  if ("upload_file_id" in inputs && typeof inputs.upload_file_id === "string") return [inputs.upload_file_id];
  return Object.values(inputs).flatMap(uploadsOf);
}
