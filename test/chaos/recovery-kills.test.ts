import { describe, expect, test, vi } from "vitest";
import { DEFAULT_APP } from "../../src/emulators/dify/apps.ts";
import type { Profile } from "../../src/emulators/dify/profile.ts";
import type { SentRunAction } from "../../src/emulators/dify/run-faults.ts";
import { documentWork, type Work } from "../../src/emulators/dify/work.ts";
import type { Observation } from "../../src/emulators/kit/server.ts";
import { openBackend } from "../support/backends.ts";
import type { RelayProcess } from "../support/relay-process.ts";
import { openStory } from "../support/story.ts";

const PROFILES: readonly Profile[] = ["P1", "P2", "P3"];

/** Where the process dies. A cut that the stream itself makes is a fault; the rest is a moment. */
type RequestKill = {
  readonly cut: string;
  readonly method: string;
  readonly path: RegExp;
  readonly phase: Observation["phase"];
  /** The request never has an effect. */
  readonly lost?: true;
  /** What happens to the stream before. */
  readonly action?: SentRunAction;
};

const AT_REQUESTS: readonly RequestKill[] = [
  { cut: "before send", method: "POST", path: /\/workflows\/run$/, phase: "before", lost: true },
  { cut: "after send, before the first frame", method: "POST", path: /\/workflows\/run$/, phase: "after" },
  { cut: "after finish, before the outputs are fetched", method: "GET", path: /\/files\/tools\//, phase: "before" },
  {
    cut: "after finish, whose frame was lost, before confirmation",
    method: "GET",
    path: /\/workflows\/run\//,
    phase: "before",
    action: { kind: "drop_terminal" },
  },
];

/** All of them are held at their work node when one SIGKILL ends their process; `known`: their id was told by then. */
const AT_WORK: readonly { readonly cut: string; readonly action?: SentRunAction; readonly known: boolean }[] = [
  { cut: "lost first frame, and every other so far", action: { kind: "drop_first", frames: 4 }, known: false },
  { cut: "lost first frame", action: { kind: "drop_first", frames: 1 }, known: true },
  { cut: "after start", known: true },
  {
    cut: "mid-stream, after the connection was lost",
    action: { kind: "cut_after", frames: 3, at: "inside" },
    known: true,
  },
  { cut: "300 s of silence", action: { kind: "silence", ms: 60_000 }, known: false },
];

const KILLS = AT_REQUESTS.length + AT_WORK.length;

describe("SIGKILL", { concurrent: true }, () => {
  test.for(PROFILES)(
    `Dify %s: killed at ${KILLS} cuts, each file has one workflow run and one share`,
    async (profile, { onTestFinished }) => {
      const backend = await openBackend("pglite", undefined);
      onTestFinished(backend.drop);
      let relay: RelayProcess | undefined;
      let armed: RequestKill | undefined;
      let gate: { held: number; readonly opened: Promise<void> } | undefined;
      const strike = (): void => {
        armed = undefined;
        if (relay) process.kill(relay.pid, "SIGKILL");
      };
      const observe = ({ phase, method, path }: Observation): void => {
        if (armed?.phase !== phase || armed.method !== method || !armed.path.test(path)) return;
        const { lost } = armed;
        strike();
        if (lost) throw new Error("the request never had an effect");
      };
      const work: Work = async (context) => {
        if (gate) {
          gate.held += 1;
          await gate.opened;
        }
        return documentWork(context);
      };
      const story = await openStory(
        { ...backend.environment, DIFY_ABSENT_MS: "2000", DIFY_PARALLEL: String(AT_WORK.length) },
        { dify: { profile, workMs: 60, observe, apps: [{ ...DEFAULT_APP, work }] } },
      );
      onTestFinished(story.end);
      relay = await story.start();
      let files = 0;
      const drop = async (): Promise<void> => {
        files += 1;
        await story.fastio.dropFile({ folder: "/Inbox", name: `table-${files}.csv`, content: `a,b\n${files},2\n` });
      };
      const goOn = async (cut: string): Promise<void> => {
        await relay?.ended;
        relay = await story.start();
        await story.untilDelivered(files);
        const workflowRuns = story.dify.books().runs.length;
        expect({ cut, workflowRuns }).toEqual({ cut, workflowRuns: files });
      };

      for (const kill of AT_REQUESTS) {
        armed = kill;
        if (kill.action) story.dify.addFault({ action: kill.action });
        await drop();
        await goOn(kill.cut);
      }

      let open = (): void => {};
      const opened = new Promise<void>((resolve) => {
        open = resolve;
      });
      gate = { held: 0, opened };
      for (const [index, { action }] of AT_WORK.entries()) {
        if (action) story.dify.addFault({ skip: index, action });
      }
      for (const _ of AT_WORK) await drop();
      const known = AT_WORK.filter((kill) => kill.known).length;
      await vi.waitFor(
        async () => {
          const underWay = (await story.runs()).filter(({ status }) => status !== "delivered");
          expect(gate?.held).toBe(AT_WORK.length);
          expect(underWay.filter(({ workflowRun }) => workflowRun !== null)).toHaveLength(known);
        },
        { timeout: 60_000, interval: 20 },
      );
      strike();
      open();
      await goOn(AT_WORK.map(({ cut }) => cut).join(" + "));

      const told = await story.runs();
      const { runs } = story.dify.books();
      expect(new Set(told.map(({ workflowRun }) => workflowRun))).toEqual(new Set(runs.map(({ id }) => id)));
      expect(new Set(runs.map(({ user }) => user)).size).toBe(KILLS);
      expect(runs.map(({ status }) => status)).toEqual(runs.map(() => "succeeded"));
      expect(story.fastio.books().shares).toHaveLength(KILLS);
    },
  );
});
