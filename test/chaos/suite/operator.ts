import { OPERATOR_TOKEN } from "./stage.ts";

/** A run in the list of runs, as far as an operator acts on it. */
type TroubledRun = { readonly id: string; readonly status: string; readonly errorCode: string | null };

/** What an operator had to do. */
export type Deeds = { resumed: number; replayed: number; answered: number };

/** A person who looks now and then and does what the relay leaves to people. */
export type Operator = {
  /** One round. Trouble with the relay itself is for the next round. */
  look(): Promise<void>;
  /** What is open, as the relay tells it. @throws when no receiver answers */
  readOpen(): Promise<Open>;
  readonly deeds: Readonly<Deeds>;
};

export type Open = {
  /** Runs that have not ended, and events that no rule has looked at. */
  readonly runs: number;
  readonly events: number;
  /** Runs that ended without a result, or wait for a person. */
  readonly troubled: number;
};

/** What a person has to do with a run that stands there. */
const TROUBLED = "failed,cancelled,paused,held";
/** In one round. */
const MOST = 200;
const PATIENCE_MS = 10_000;

type Overview = {
  readonly open: { readonly waiting: number; readonly atWork: number; readonly paused: number; readonly held: number };
  readonly backlog: { readonly count: number };
  readonly pausedRules: readonly { readonly name: string }[];
};

/** @param urls of receivers; each is tried in turn */
export function createOperator(urls: readonly string[]): Operator {
  const deeds: Deeds = { resumed: 0, replayed: 0, answered: 0 };

  const ask = async (path: string, body?: object): Promise<unknown> => {
    let last: unknown;
    for (const url of urls) {
      try {
        const response = await fetch(url + path, {
          method: body ? "POST" : "GET",
          headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, "content-type": "application/json" },
          ...(body ? { body: JSON.stringify(body) } : {}),
          signal: AbortSignal.timeout(PATIENCE_MS),
        });
        // Somebody else may have done it meanwhile, or the run has moved on.
        if (response.ok || response.status === 409) return response.json();
        last = new Error(`${path} answered ${response.status}: ${await response.text()}`);
      } catch (error) {
        last = error;
      }
    }
    throw last;
  };
  const readOverview = async (): Promise<Overview> => (await ask("/api/overview")) as Overview; // the relay's answer
  const listTroubled = async (): Promise<readonly TroubledRun[]> => {
    const { runs } = (await ask(`/api/runs?status=${TROUBLED}&limit=${MOST}`)) as {
      readonly runs: readonly { readonly id: string; readonly status: string; readonly error: string | null }[];
    };
    return runs.map(({ id, status, error }) => ({ id, status, errorCode: error }));
  };
  const mend = async ({ id, status }: TroubledRun): Promise<void> => {
    if (status === "held") return; // its rule is resumed
    if (status === "paused") {
      // It asks a person; if not with a form, it was laid aside since nobody knows what became of its workflow.
      const told = (await ask(`/api/runs/${id}/answer`, { action: "approve", inputs: { feedback: "fine" } })) as object;
      if ("status" in told) {
        deeds.answered += 1;
        return;
      }
    }
    const told = (await ask(`/api/runs/${id}/replay`, { version: "newest", reason: "chaos" })) as object;
    if ("status" in told) deeds.replayed += 1;
  };
  return {
    look: async () => {
      const { pausedRules } = await readOverview();
      for (const { name } of pausedRules) {
        await ask(`/api/rules/${name}/resume`, { reason: "chaos" });
        deeds.resumed += 1;
      }
      for (const run of await listTroubled()) await mend(run);
    },
    readOpen: async () => {
      const { open, backlog } = await readOverview();
      const troubled = await listTroubled();
      return {
        runs: open.waiting + open.atWork + open.paused + open.held,
        events: backlog.count,
        troubled: troubled.length,
      };
    },
    deeds,
  };
}
