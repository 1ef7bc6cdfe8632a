import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { lockFolder } from "../../../src/ledger/folder-lock.ts";
import { SOON } from "../../support/soon.ts";

const HOLDER = fileURLToPath(new URL("./hold-a-folder.ts", import.meta.url));
/** As this machine's processes name their place; taken from a lock of our own. */
const HERE = placeOfOurLock();

/** No process has it: the kernel's ceiling is 2^22. */
const NOBODY = 4_194_305;

test("a lock is refused to others while it is held, and free again when it is given back", async () => {
  const folder = newFolder();
  const unlock = lockFolder(folder);
  const other = await startHolder(folder);
  expect(await other.tryIt()).toBe(`refused: the ledger folder ${folder} is in use by process ${process.pid}`);
  unlock();
  const third = await startHolder(folder);
  expect(await third.tryIt()).toBe("took");
});

test("the refusal has a code, names the holder, and says what to do", async () => {
  const folder = newFolder();
  const holder = await startHolder(folder);
  expect(await holder.tryIt()).toBe("took");
  expect(() => lockFolder(folder)).toThrow(
    expect.objectContaining({
      code: "ledger_locked",
      message: expect.stringContaining(`process ${holder.child.pid}`),
      nextAction: expect.stringContaining("DATABASE_URL"),
    }),
  );
});

test("a lock left by SIGKILL does not block", async () => {
  const folder = newFolder();
  const holder = await startHolder(folder);
  expect(await holder.tryIt()).toBe("took");
  await holder.kill();
  expect(existsSync(`${folder}.lock`)).toBe(true);
  const unlock = lockFolder(folder);
  expect(holderOf(folder)).toMatchObject({ pid: process.pid });
  unlock();
  expect(leftovers(folder)).toEqual([]);
});

test.each([
  ["whose process id nobody has", lockOf({ pid: NOBODY })],
  ["whose process id another process has by now", lockOf({ pid: process.pid })],
  ["that was half written", '{"pid":12'],
  ["that is empty", ""],
  ["that is no lock at all", "null"],
])("a lock %s does not block", (_what, content) => {
  const folder = newFolder();
  writeFileSync(`${folder}.lock`, content);
  const unlock = lockFolder(folder);
  expect(holderOf(folder)).toMatchObject({ pid: process.pid });
  unlock();
  expect(leftovers(folder)).toEqual([]);
});

test("a process that died while it replaced a stale lock does not block", () => {
  const folder = newFolder();
  const dead = lockOf({ pid: NOBODY });
  writeFileSync(`${folder}.lock`, dead);
  writeFileSync(`${folder}.lock.taking`, dead);
  lockFolder(folder)();
  expect(leftovers(folder)).toEqual([]);
});

describe("a holder in another container, whose process id says nothing here", () => {
  const elsewhere = lockOf({ pid: 1, place: "container-1 pid:[1]" });
  const age = (path: string, ms: number): void => {
    const then = new Date(Date.now() - ms);
    utimesSync(path, then, then);
  };

  test("holds its lock as long as it shows that it lives", () => {
    const folder = newFolder();
    writeFileSync(`${folder}.lock`, elsewhere);
    age(`${folder}.lock`, 5_000);
    expect(() => lockFolder(folder)).toThrow(
      expect.objectContaining({ code: "ledger_locked", message: expect.stringContaining("process 1 of container-1") }),
    );
  });

  test("has lost it after ten seconds of silence", () => {
    const folder = newFolder();
    writeFileSync(`${folder}.lock`, elsewhere);
    age(`${folder}.lock`, 10_001);
    lockFolder(folder)();
    expect(leftovers(folder)).toEqual([]);
  });

  test("sees that we live", async () => {
    const folder = newFolder();
    onTestFinished(lockFolder(folder));
    age(`${folder}.lock`, 60_000);
    await vi.waitFor(() => expect(Date.now() - statSync(`${folder}.lock`).mtimeMs).toBeLessThan(5_000), SOON);
  });
});

test("giving a lock back that another process has taken over leaves it alone", () => {
  const folder = newFolder();
  const unlock = lockFolder(folder);
  const other = lockOf({ pid: 1 });
  writeFileSync(`${folder}.lock`, other);
  unlock();
  expect(readFileSync(`${folder}.lock`, "utf8")).toBe(other);
});

test("of many processes that find a stale lock together, one takes it", async () => {
  const folder = newFolder();
  writeFileSync(`${folder}.lock`, lockOf({ pid: NOBODY }));
  const takers = await Promise.all(Array.from({ length: 6 }, () => startHolder(folder)));
  const outcomes = await Promise.all(takers.map((taker) => taker.tryIt()));
  expect(outcomes.filter((outcome) => outcome === "took")).toHaveLength(1);
  const winner = takers[outcomes.indexOf("took")];
  expect(holderOf(folder)).toMatchObject({ pid: winner?.child.pid });
});

type TestHolder = {
  readonly child: ChildProcess;
  /** Lets it try, once. @returns what it says */
  tryIt(): Promise<string>;
  kill(): Promise<void>;
};

async function startHolder(folder: string): Promise<TestHolder> {
  const child = spawn(process.execPath, [HOLDER, folder], { stdio: ["pipe", "pipe", "inherit"] });
  const gone = once(child, "exit");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await gone;
  };
  onTestFinished(kill);
  const nextLine = async (): Promise<string> => {
    const [text] = (await once(child.stdout, "data")) as [Buffer];
    return text.toString().trim();
  };
  expect(await nextLine()).toBe("ready");
  return {
    child,
    tryIt: () => {
      const said = nextLine();
      child.stdin.write("go\n");
      return said;
    },
    kill,
  };
}

function newFolder(): string {
  const parent = mkdtempSync(join(tmpdir(), "relay-lock-"));
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }));
  return join(parent, "data");
}

/** A lock of a process that was born at another time than any that runs. */
function lockOf(holder: { readonly pid: number; readonly place?: string }): string {
  return JSON.stringify({ birth: "1", place: HERE, ...holder });
}

function placeOfOurLock(): string {
  const parent = mkdtempSync(join(tmpdir(), "relay-lock-"));
  const unlock = lockFolder(join(parent, "data"));
  const { place } = JSON.parse(readFileSync(join(parent, "data.lock"), "utf8"));
  unlock();
  rmSync(parent, { recursive: true, force: true });
  return place;
}

const holderOf = (folder: string): unknown => JSON.parse(readFileSync(`${folder}.lock`, "utf8"));
const leftovers = (folder: string): string[] => readdirSync(join(folder, ".."));
