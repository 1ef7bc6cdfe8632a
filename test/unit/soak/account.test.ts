import { expect, test } from "vitest";
import { type Books, settleAccount } from "../../soak/account.ts";
import type { ToldRun } from "../../soak/ask-relay.ts";
import type { Drop } from "../../soak/plan-drops.ts";

const dropOf = (name: string, isTaken = true): Drop => ({
  folder: "/Inbox/1",
  name,
  content: "",
  sha256: `sha of ${name}`,
  isTaken,
  isVersion: false,
});
const linkOf = (run: string): string => `http://fast.io/${run}`;

/** Books and ledger in which each named run was given the file of that name and delivered it. */
function worldOf(runs: Readonly<Record<string, string>>, change: { readonly shares?: readonly string[] } = {}) {
  const books = {
    dify: {
      uploads: Object.entries(runs).map(([run, file]) => ({ id: `up-${run}`, sha256: `sha of ${file}` })),
      runs: Object.keys(runs).map((run) => ({
        user: `relay-${run}`,
        inputs: { document: { transfer_method: "local_file", upload_file_id: `up-${run}` } },
        status: "succeeded",
      })),
    },
    fastio: { shares: (change.shares ?? Object.keys(runs)).map((run) => ({ url: linkOf(run) })) },
  } as unknown as Books; // the parts that are looked at
  const told = new Map<string, ToldRun>(
    Object.entries(runs).map(([id, file]) => [
      id,
      { id, file, status: "delivered", share: linkOf(id), error: null, updatedAtMs: 1, finishedAtMs: 1 },
    ]),
  );
  return { books, told };
}

test("one workflow run, one delivered run and one share for each file that a rule takes is all well", () => {
  const { books, told } = worldOf({ r1: "a", r2: "b" });
  expect(settleAccount([dropOf("a"), dropOf("b"), dropOf("c", false)], told, books)).toEqual({
    dropped: 3,
    taken: 2,
    versions: 0,
    workflowRuns: 2,
    shares: 2,
    delivered: 2,
    faults: [],
  });
});

test("a lost file is told", () => {
  const { books, told } = worldOf({ r1: "a" });
  expect(settleAccount([dropOf("a"), dropOf("lost")], told, books).faults).toEqual([
    expect.stringMatching(/lost.*0 finished workflow runs/),
  ]);
});

test("a doubled file is told, though both runs were delivered", () => {
  const { books, told } = worldOf({ r1: "a", r2: "a" });
  expect(settleAccount([dropOf("a")], told, books).faults).toEqual([expect.stringMatching(/2 finished workflow runs/)]);
});

test("a share too many is told, and one that is missing", () => {
  const more = worldOf({ r1: "a" }, { shares: ["r1", "stray"] });
  expect(settleAccount([dropOf("a")], more.told, more.books).faults).toEqual([
    `${linkOf("stray")}: a share that belongs to no file`,
  ]);
  const twice = worldOf({ r1: "a" }, { shares: ["r1", "r1"] });
  expect(settleAccount([dropOf("a")], twice.told, twice.books).faults).toEqual([expect.stringMatching(/2 shares/)]);
  const less = worldOf({ r1: "a" }, { shares: [] });
  expect(settleAccount([dropOf("a")], less.told, less.books).faults).toEqual([expect.stringMatching(/0 shares/)]);
});

test("a run that did not end well is told with its error", () => {
  const { books, told } = worldOf({ r1: "a" });
  const failed = new Map([...told].map(([id, run]) => [id, { ...run, status: "failed", error: "why" }]));
  expect(settleAccount([dropOf("a")], failed, books).faults).toEqual([
    expect.stringMatching(/run r1 is failed \(why\)/),
  ]);
});

test("a workflow run on a file that no rule takes is told, and one on a file that nobody dropped", () => {
  const { books, told } = worldOf({ r1: "a", r2: "untaken", r3: "stranger" }, { shares: ["r1"] });
  expect(settleAccount([dropOf("a"), dropOf("untaken", false)], told, books).faults).toEqual([
    expect.stringMatching(/untaken.*no rule takes it/),
    expect.stringMatching(/sha of stranger.*nobody dropped/),
  ]);
});
