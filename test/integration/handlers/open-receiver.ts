import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import { parseConfig } from "../../../src/config.ts";
import { signDelivery } from "../../../src/fastio/signatures/sign-delivery.ts";
import { openRelay, type Relay } from "../../../src/relay/open-relay.ts";
import type { RelayDeps, RelayParts } from "../../../src/relay/parts.ts";
import { compileRules } from "../../../src/rules/compile-rules.ts";
import { fixedRules } from "../../../src/rules/live-rules.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";
import type { ToolGrants } from "../../../src/rules/read-tools.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { copyMadeLedger } from "../../support/made-ledger.ts";

export const SECRET = "a secret shared by Fast.io and the relay";

export const VIEWER = "viewer-token-0123456789";
export const OPERATOR = "operator-token-0123456789";
export const ADMIN = "admin-token-0123456789";
/** One token a role. */
export const ROLE_TOKENS = { RELAY_TOKENS: `viewer:${VIEWER},operator:${OPERATOR},admin:${ADMIN}` };
export const bearer = (token: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${token}` });

/** Asks a receiver as it came, without following where it leads. */
export const asking = (receiver: () => Pick<Receiver, "url">) => ({
  get: (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(`${receiver().url}${path}`, { headers, redirect: "manual" }),
  /** @param token of whoever asks; undefined: nobody */
  post: (path: string, token?: string): Promise<Response> =>
    fetch(`${receiver().url}${path}`, {
      method: "POST",
      redirect: "manual",
      headers: token === undefined ? {} : bearer(token),
    }),
});

const RULES = `rules:
  - name: read-new-files
    when: { workspace: "*" }
`;

export type Receiver = Relay & {
  readonly url: string;
  close(): Promise<void>;
};

/** A relay in this process that listens on a free port; embedded unless told otherwise. */
export async function openReceiver(
  environment: Readonly<Record<string, string>> = {},
  {
    tools,
    lookup,
    ...parts
  }: Partial<RelayParts> & Partial<Pick<RelayDeps, "lookup">> & { readonly tools?: ToolGrants } = {},
): Promise<Receiver> {
  const folder = mkdtempSync(join(tmpdir(), "relay-receiver-"));
  const relay = await openRelay(
    {
      config: parseConfig({
        DATABASE_URL: environment["DATABASE_URL"] ?? copyMadeLedger(join(folder, "data")),
        PORT: "0",
        FASTIO_API_URL: "http://127.0.0.1:1/current",
        FASTIO_API_KEY: "key",
        FASTIO_WEBHOOK_SECRETS: SECRET,
        DIFY_API_URL: "http://127.0.0.1:1/v1",
        DIFY_API_KEY: "app-key",
        ...environment,
      }),
      rules: fixedRules(compileRules(parseRules(RULES, "rules.yaml").rules), undefined, tools),
      clock: systemClock,
      random: Math.random,
      newId: randomUUID,
      log: silentLog,
      ...(lookup === undefined ? {} : { lookup }),
      queuePrefix: `relay-${randomUUID()}`,
    },
    { receive: true, work: [], ...parts },
  );
  const { url } = relay;
  if (url === undefined) throw new Error("the receiver has no address");
  return {
    ...relay,
    url,
    close: async () => {
      await relay.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The answer to the form of the login page, as a browser sends it. */
export const sendLogin = (url: string, form: Readonly<Record<string, string>>): Promise<Response> =>
  fetch(`${url}/login`, {
    method: "POST",
    redirect: "manual",
    headers: { origin: new URL(url).origin },
    body: new URLSearchParams(form),
  });

/** What a browser sends back of what it was given. */
export const cookieOf = (answer: Response): string => answer.headers.get("set-cookie")?.split(";")[0] ?? "";

/** @returns the cookie of somebody who logged in */
export const logIn = async (url: string, token: string, name = ""): Promise<string> =>
  cookieOf(await sendLogin(url, { token, name }));

/** The body of a delivery with one event, as Fast.io sends it. */
export const bodyOf = (eventId: string): string =>
  JSON.stringify({
    event: "file.created",
    event_id: eventId,
    workspace_id: "3117763504443666597",
    file_id: `node-${eventId}`,
    version: "v1",
    timestamp: "2026-11-22T06:00:00Z",
  });

/** Headers that make a body a delivery of the relay's secret. */
export const signed = (
  body: Uint8Array | string,
  { secret = SECRET, signedAtMs = Date.now() }: { readonly secret?: string; readonly signedAtMs?: number } = {},
): Readonly<Record<string, string>> => ({
  "content-type": "application/json",
  ...signDelivery({ scheme: "fastio-signature", secrets: [secret], body: Buffer.from(body), nowMs: signedAtMs }),
});

/** Sends a delivery with a right signature, unless its headers say otherwise. */
export function deliver(
  url: string,
  body: Uint8Array | string,
  headers: Readonly<Record<string, string>> = signed(body),
): Promise<Response> {
  return fetch(`${url}/webhooks/fastio`, { method: "POST", headers, body: Buffer.from(body) });
}

/**
 * Sends bytes as they are, piece by piece, for what no HTTP client would send.
 * @returns everything the server said until it closed the connection
 */
export function sendRaw(
  url: string,
  pieces: readonly (string | Uint8Array)[],
  { ending = "wait" }: { readonly ending?: "wait" | "end" | "destroy" } = {},
): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let said = "";
    socket.on("data", (chunk) => {
      said += chunk.toString("latin1");
    });
    socket.on("error", () => undefined); // a reset is one way to be told
    socket.on("close", () => resolve(said));
    socket.on("connect", async () => {
      for (const piece of pieces) {
        if (socket.writable) await new Promise((done) => socket.write(piece, done));
      }
      if (ending === "end") socket.end();
      if (ending === "destroy") socket.destroy();
    });
  });
}

/** The head of a delivery for {@link sendRaw}. */
export const rawHead = (headers: Readonly<Record<string, string>>): string =>
  [
    "POST /webhooks/fastio HTTP/1.1",
    "host: relay",
    "connection: close",
    ...Object.entries({ "content-type": "application/json", ...headers }).map(([name, value]) => `${name}: ${value}`),
    "",
    "",
  ].join("\r\n");

export const statusOf = (said: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(said)?.[1]);
