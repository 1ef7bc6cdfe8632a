import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { DEFAULT_APP_KEY } from "../../src/emulators/dify/defaults.ts";
import {
  type DifyEmulator,
  type DifyEmulatorOptions,
  startDifyEmulator,
} from "../../src/emulators/dify/start-dify-emulator.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../src/emulators/fastio/defaults.ts";
import {
  type FastioEmulator,
  type FastioEmulatorOptions,
  startFastioEmulator,
} from "../../src/emulators/fastio/start.ts";
import { freePort } from "./child-server.ts";
import { type RelayProcess, startRelayProcess } from "./relay-process.ts";

/** The run as `GET /api/runs` tells it; a type of its own, so that a change of the answer shows. */
export type ToldRun = {
  readonly id: string;
  readonly file: string;
  readonly status: string;
  readonly share: string | null;
  readonly workflowRun: string | null;
  readonly error: string | null;
};

export type Story = {
  readonly fastio: FastioEmulator;
  readonly dify: DifyEmulator;
  readonly relayUrl: string;
  readonly secret: string;
  /** The rules file, which may be written anew while the relay runs. */
  readonly rulesFile: string;
  /**
   * Starts the relay, or starts it again.
   * @param args another command than `start`, such as `work`
   * @param change settings of this process alone
   */
  start(args?: readonly string[], change?: Readonly<Record<string, string>>): Promise<RelayProcess>;
  /** At most 500, newest first. */
  runs(): Promise<readonly ToldRun[]>;
  /** All there are. */
  allRuns(): Promise<readonly ToldRun[]>;
  /** When the event of a run was accepted, in milliseconds since the epoch. */
  acceptedAtMs(runId: string): Promise<number>;
  /** Another workspace that the relay is told of. @returns its id */
  addWorkspace(name: string): Promise<string>;
  /** Waits until the ledger tells this many delivered runs and no others. */
  untilDelivered(count: number): Promise<readonly ToldRun[]>;
  end(): Promise<void>;
};

/** A machine may be slow or busy; waiting long costs nothing when all is well. */
const PATIENCE_MS = 240_000;
export const WEBHOOK_SECRET = "a secret shared by Fast.io and the relay";
export const STORY_TOKEN = "test-operator-token";

const RULES = `rules:
  - name: read-new-files
    when:
      workspace: Dify-Outputs
      folder: /Inbox/**
    run:
      inputs: { document: "{{ file }}", title: "{{ file.name }}" }
    deliver:
      as: share
      folder: /Outputs/{{ date }}
      title: "Results for {{ file.name }}"
`;

/** Two emulated upstreams, a registered webhook, and a relay between them that can be started and killed. */
export async function openStory(
  environment: Readonly<Record<string, string>>,
  options: {
    readonly fastio?: FastioEmulatorOptions;
    readonly dify?: DifyEmulatorOptions;
    readonly rules?: string;
  } = {},
): Promise<Story> {
  const folder = mkdtempSync(join(tmpdir(), "relay-story-"));
  writeFileSync(join(folder, "rules.yaml"), options.rules ?? RULES);
  const fastio = await startFastioEmulator({ timeScale: 60, ...options.fastio });
  const dify = await startDifyEmulator({ quiet: true, workMs: 60, ...options.dify });
  const port = await freePort();
  const relayUrl = `http://127.0.0.1:${port}`;
  await registerWebhook(fastio, `${relayUrl}/webhooks/fastio`);

  const started: RelayProcess[] = [];
  const ask = async (path: string): Promise<unknown> => {
    const response = await fetch(relayUrl + path, { headers: { authorization: `Bearer ${STORY_TOKEN}` } });
    if (!response.ok) throw new Error(`GET ${path} answered ${response.status}`);
    return response.json();
  };
  const page = async (before: string | null) => {
    const after = before === null ? "" : `&before=${before}`;
    const told = await ask(`/api/runs?limit=500${after}`);
    return told as { readonly runs: readonly ToldRun[]; readonly next: string | null };
  };
  const runs = async (): Promise<readonly ToldRun[]> => (await page(null)).runs;
  return {
    fastio,
    dify,
    relayUrl,
    secret: WEBHOOK_SECRET,
    rulesFile: join(folder, "rules.yaml"),
    start: async (args = ["start"], change = {}) => {
      const settings = {
        TEST_FOLDER: folder,
        HOST: "127.0.0.1",
        PORT: String(port),
        RELAY_CONFIG: join(folder, "rules.yaml"),
        FASTIO_API_URL: fastio.apiUrl,
        FASTIO_API_KEY: FASTIO_EMULATOR_DEFAULTS.relayKey,
        FASTIO_WEBHOOK_SECRETS: WEBHOOK_SECRET,
        DIFY_API_URL: dify.apiUrl,
        DIFY_API_KEY: DEFAULT_APP_KEY,
        DIFY_ABSENT_MS: "2500",
        RELAY_TOKENS: `operator:${STORY_TOKEN}`,
        LOG_LEVEL: "info",
        ...environment,
        ...change,
      };
      const relay = await startRelayProcess(settings, args);
      started.push(relay);
      return relay;
    },
    runs,
    allRuns: async () => {
      const told: ToldRun[] = [];
      let next: string | null = null;
      do {
        const one: Awaited<ReturnType<typeof page>> = await page(next);
        told.push(...one.runs);
        next = one.next;
      } while (next !== null);
      return told;
    },
    acceptedAtMs: async (runId) => {
      const { eventKey } = (await ask(`/api/runs/${runId}`)) as { readonly eventKey: string };
      const { receivedAtMs } = (await ask(`/api/events/${eventKey}`)) as { readonly receivedAtMs: number };
      return receivedAtMs;
    },
    addWorkspace: async (name) => {
      const workspaceId = await createWorkspace(fastio, name);
      await registerWebhook(fastio, `${relayUrl}/webhooks/fastio`, workspaceId);
      return workspaceId;
    },
    untilDelivered: (count) =>
      vi.waitFor(
        async () => {
          const told = await runs();
          // First, so that a failure says what became of the others.
          expect(told.filter(({ status }) => status !== "delivered")).toEqual([]);
          expect(told.filter(({ status }) => status === "delivered")).toHaveLength(count);
          expect(told).toHaveLength(count);
          return told;
        },
        // Telling hundreds of runs again and again would slow the relay down.
        { timeout: PATIENCE_MS, interval: 200 + 4 * count },
      ),
    end: async () => {
      await Promise.all(started.map((relay) => relay.kill()));
      await Promise.all([fastio.close(), dify.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function registerWebhook(
  fastio: FastioEmulator,
  url: string,
  workspaceId: string = fastio.workspaceId,
): Promise<void> {
  await post(fastio, `/workspace/${workspaceId}/webhook/create/`, { url, secret: WEBHOOK_SECRET });
}

async function createWorkspace(fastio: FastioEmulator, name: string): Promise<string> {
  const made = await post(fastio, `/org/${FASTIO_EMULATOR_DEFAULTS.orgId}/create/workspace/`, {
    name,
    folder_name: name,
    perm_join: "Member or above",
    perm_member_manage: "Admin or above",
    intelligence: "false",
  });
  const { workspace } = made as { readonly workspace: { readonly id: string } };
  return workspace.id;
}

async function post(fastio: FastioEmulator, path: string, form: Readonly<Record<string, string>>): Promise<unknown> {
  const response = await fetch(fastio.apiUrl + path, {
    method: "POST",
    headers: { authorization: `Bearer ${FASTIO_EMULATOR_DEFAULTS.relayKey}` },
    body: new URLSearchParams(form),
  });
  if (!response.ok) throw new Error(`POST ${path} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
