import { TOKEN } from "./world.ts";

const LONGEST_MS = 10_000;
const AUTHORIZATION = { authorization: `Bearer ${TOKEN}` };

/** The run as `GET /api/runs` tells it, as far as the soak wants to know. */
export type ToldRun = {
  readonly id: string;
  /** The file's name. */
  readonly file: string;
  readonly status: string;
  readonly share: string | null;
  readonly error: string | null;
  readonly updatedAtMs: number;
  readonly finishedAtMs: number | null;
};

/** @throws when it does not answer 200 in time */
export async function readText(url: string): Promise<string> {
  const response = await fetch(url, { headers: AUTHORIZATION, signal: AbortSignal.timeout(LONGEST_MS) });
  const text = await response.text();
  if (!response.ok) throw new Error(`GET ${url} answered ${response.status}`);
  return text;
}

/** Runs that something happened to since, all of them. */
export async function readChangedRuns(relayUrl: string, sinceMs: number): Promise<readonly ToldRun[]> {
  const found: ToldRun[] = [];
  let next: string | null = null;
  do {
    const before: string = next === null ? "" : `&before=${next}`;
    const page = JSON.parse(await readText(`${relayUrl}/api/runs?limit=500&updatedAfterMs=${sinceMs}${before}`)) as {
      readonly runs: readonly ToldRun[];
      readonly next: string | null;
    };
    found.push(...page.runs);
    next = page.next;
  } while (next !== null);
  return found;
}

/** As an operator would, of a run that failed. */
export async function replayRun(relayUrl: string, id: string): Promise<void> {
  const response = await fetch(`${relayUrl}/api/runs/${id}/replay`, {
    method: "POST",
    headers: { ...AUTHORIZATION, "content-type": "application/json" },
    body: JSON.stringify({ reason: "its node failed" }),
    signal: AbortSignal.timeout(LONGEST_MS),
  });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`the replay of ${id} was answered ${response.status}`);
}

/** Opens the stream of news, reads along, and leaves after a while. @returns bytes that came */
export async function listen(relayUrl: string, ms: number, signal: AbortSignal): Promise<number> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(Math.round(ms))]);
  const response = await fetch(`${relayUrl}/api/live`, { headers: AUTHORIZATION, signal: over });
  let bytes = 0;
  try {
    for await (const piece of response.body ?? []) bytes += piece.length;
  } catch (error) {
    if (!over.aborted) throw error;
  }
  return bytes;
}

/** What a stranger might send. @returns the status */
export async function forgeDelivery(relayUrl: string): Promise<number> {
  const response = await fetch(`${relayUrl}/webhooks/fastio`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-fastio-signature": `t=${Math.floor(Date.now() / 1_000)},v1=${"0".repeat(64)}`,
    },
    body: JSON.stringify({ event: "workspace_storage_file_added", id: "forged" }),
    signal: AbortSignal.timeout(LONGEST_MS),
  });
  await response.arrayBuffer();
  return response.status;
}
