import { createServer, type Server } from "node:http";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import {
  type FastioEmulator,
  type FastioEmulatorOptions,
  startFastioEmulator,
} from "../../../src/emulators/fastio/start.ts";
import type { RelayDeps } from "../../../src/relay/parts.ts";
import type { ToolGrant } from "../../../src/rules/tools-schema.ts";
import { openReceiver, type Receiver } from "../handlers/open-receiver.ts";

export const AGENT_TOKEN = "agent-a-token-0123456789";
export const NARROW_TOKEN = "narrow-token-0123456789";
export const HASTY_TOKEN = "hasty-token-0123456789";

/** Folder name of the only workspace of `NARROW_TOKEN`; nobody has made it. */
export const OTHER_WORKSPACE = "some-other-workspace";

export const VIEWER_TOKEN = "viewer-token-0123456789";
export const OPERATOR_TOKEN = "operator-token-0123456789";

const WIDE: ToolGrant = {
  workspaces: ["*"],
  operations: ["*", "createHandoffLink"],
  maxUploadBytes: 6_000_000,
  perMinute: 100_000,
  fetch: ["*.files.example"],
};

/** As a custom tool of Dify, or any HTTP client, sees it; a type of its own, so that a change of the answers shows. */
export type Told = {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
};

export type ToolBench = {
  readonly relay: Receiver;
  readonly fastio: FastioEmulator;
  /** Serves the files below; the operator has configured it as a place of files. */
  readonly fileServer: string;
  call(path: string, input?: Readonly<Record<string, unknown>>, token?: string): Promise<Told>;
  read(path: string, query?: Readonly<Record<string, string>>, token?: string): Promise<Told>;
  upload(form: FormData, token?: string): Promise<Told>;
  close(): Promise<void>;
};

export async function openToolBench(
  options: {
    readonly fastio?: FastioEmulatorOptions;
    readonly environment?: Readonly<Record<string, string>>;
    readonly lookup?: NonNullable<RelayDeps["lookup"]>;
  } = {},
): Promise<ToolBench> {
  const fastio = await startFastioEmulator({ timeScale: 60, ...options.fastio });
  const files = await startFileServer();
  const relay = await openReceiver(
    {
      FASTIO_API_URL: fastio.apiUrl,
      FASTIO_API_KEY: FASTIO_EMULATOR_DEFAULTS.relayKey,
      OUTBOUND_ORIGINS: files.url,
      RELAY_TOKENS: `viewer:${VIEWER_TOKEN},operator:${OPERATOR_TOKEN}`,
      TOOLS_TOKEN: `agent-a:${AGENT_TOKEN},narrow:${NARROW_TOKEN},hasty:${HASTY_TOKEN}`,
      ...options.environment,
    },
    {
      tools: {
        "agent-a": WIDE,
        narrow: {
          ...WIDE,
          workspaces: [OTHER_WORKSPACE],
          operations: ["listWorkspaces", "listFiles", "uploadFile"],
          maxUploadBytes: 1_000,
        },
        hasty: { ...WIDE, perMinute: 2 },
      },
      ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
    },
  );
  const send = async (path: string, init: RequestInit, token: string | undefined): Promise<Told> => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${relay.url}/tools/${path}`, {
      ...init,
      headers: { ...init.headers, ...authorization },
    });
    const body = (await response.json()) as Told["body"];
    return { status: response.status, body, headers: response.headers };
  };
  return {
    relay,
    fastio,
    fileServer: files.url,
    call: (path, input = {}, token = AGENT_TOKEN) =>
      send(
        path,
        { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(input) },
        token,
      ),
    read: (path, query = {}, token = AGENT_TOKEN) =>
      send(`${path}?${new URLSearchParams(query).toString()}`, { method: "GET" }, token),
    upload: (form, token = AGENT_TOKEN) => send("upload-file", { method: "POST", body: form }, token),
    close: async () => {
      await relay.close();
      files.server.closeAllConnections();
      await Promise.all([fastio.close(), new Promise((done) => files.server.close(done))]);
    },
  };
}

/** A form as Dify sends it: the fields first, then the file. */
export function formOf(
  fields: Readonly<Record<string, string>>,
  file?: { readonly name: string; readonly content: string | Uint8Array },
): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  if (file) form.set("file", new Blob([Buffer.from(file.content)], { type: "text/csv" }), file.name);
  return form;
}

/** `/redirect?to=…` leads elsewhere; everything else is a small file. */
async function startFileServer(): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://files");
    const to = searchParams.get("to");
    if (pathname === "/redirect" && to !== null) response.writeHead(302, { location: to }).end();
    else if (pathname === "/missing") response.writeHead(404).end();
    else
      response
        .writeHead(200, { "content-type": "text/plain", "content-disposition": 'attachment; filename="from afar.txt"' })
        .end("content from afar");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no address");
  return { url: `http://127.0.0.1:${address.port}`, server };
}
