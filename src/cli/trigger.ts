import { randomBytes, randomUUID } from "node:crypto";
import { systemClock } from "../clock.ts";
import { type Config, parseConfig } from "../config.ts";
import { readSecrets } from "../disk/keep-secret.ts";
import { PermanentError } from "../errors.ts";
import { keyOfSample } from "../fastio/samples/key-of-sample.ts";
import { writeSample } from "../fastio/samples/sample-deliveries.ts";
import { type SampleDelivery, signSample } from "../fastio/samples/sign-sample.ts";
import { checkSecrets } from "../fastio/signatures/derive-keys.ts";
import { askRelayAt } from "../http/ask-relay-at.ts";
import { RECEIVER_PATH } from "../receiver-url.ts";
import { filesWords } from "../text/files-words.ts";
import { plain } from "../text/unseen.ts";
import { causeOf, relayOrigin } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { findNamedWorkspaces } from "./find-named-workspaces.ts";
import { type FollowedEvent, followEvent } from "./follow-event.ts";
import { paintStatus } from "./paint.ts";
import { createProgress } from "./progress.ts";
import { howItGoes } from "./run-line.ts";
import { listSamples, tellTriggered } from "./tell-triggered.ts";
import type { Answer, TriggerOptions } from "./triggering.ts";
import { withFastio } from "./with-fastio.ts";

const ANSWER_MS = 30_000;
const PATIENCE_MS = 600_000;
/** Ids of the shape that Fast.io's have, of nothing there is. */
const NO_NODE = "2rlay-trigg-ersam-plede-liver-yaaa";
const WORKSPACE_ID = /^\d{15,20}$/;
const NO_WORKSPACE = "3000000000000000000";

/** Sends a signed sample delivery to a running relay and tells what it said; with `wait`, what became of it. */
export async function trigger(context: CliContext, options: TriggerOptions): Promise<ExitCode> {
  if (options.list) return listSamples(context, options.json);
  const config = parseConfig(context.environment);
  const { signature } = config.fastio;
  const scheme = options.scheme ?? (signature === "auto" ? "fastio-signature" : signature);
  if (scheme === "unsigned" && options.tamper !== undefined)
    throw new PermanentError("usage_invalid", "what is unsigned cannot be tampered with; name a --scheme");
  const nowMs = systemClock.now();
  const body = writeSample(options.shape, {
    event: options.event,
    eventId: `evt-${randomBytes(9).toString("hex")}`,
    workspaceId: await findWorkspaceId(context, options),
    nodeId: options.node ?? NO_NODE,
    fileName: "sample.pdf",
    size: 2_048,
    actorUserId: options.actor,
    atMs: nowMs,
  });
  const secret = scheme === "unsigned" ? undefined : await findSecret(config, options.secretFile);
  const delivery = signSample({ scheme, secret, id: `msg_${randomUUID()}`, body, nowMs, tamper: options.tamper });
  const answer = await send(context, config, delivery);
  const key = answer.status === 202 ? keyOfSample(body) : undefined;
  const followed = options.wait && key !== undefined ? await follow(context, config, key, options.json) : undefined;
  return tellTriggered(context, options, { ...answer, scheme, key: key ?? null, followed });
}

/** An id as it is, a name by asking Fast.io; for a node without either, the one workspace that the rules name. */
async function findWorkspaceId(context: CliContext, { workspace, node }: TriggerOptions): Promise<string> {
  if (workspace !== undefined && WORKSPACE_ID.test(workspace)) return workspace;
  if (workspace === undefined && node === undefined) return NO_WORKSPACE;
  return withFastio(context, async (fastio, config) => {
    const [only, another] = await findNamedWorkspaces(fastio, config, workspace, context.signal);
    if (only !== undefined && another === undefined) return only.id;
    throw new PermanentError("usage_invalid", "say in which workspace the node lies: --workspace <id or name>", {
      nextAction: "relay workspaces list",
    });
  });
}

/** The newest secret there is: of the file that is named, of FASTIO_WEBHOOK_SECRETS_FILE, of FASTIO_WEBHOOK_SECRETS. */
async function findSecret({ fastio }: Config, file: string | undefined): Promise<string> {
  const path = file ?? fastio.secretsFile;
  const [secret] = [
    ...(path === undefined ? [] : await readSecrets(path)),
    ...(file === undefined ? fastio.secrets : []),
  ];
  if (secret === undefined) {
    throw new PermanentError("config_invalid", "there is no secret to sign with", {
      failure: "misconfigured",
      nextAction: "set FASTIO_WEBHOOK_SECRETS as the relay has it, or name a file: --secret-file <path>",
    });
  }
  checkSecrets([secret]);
  return secret;
}

async function send(context: CliContext, config: Config, { headers, body }: SampleDelivery): Promise<Answer> {
  const startedMs = systemClock.now();
  const origin = relayOrigin(config);
  try {
    const response = await askRelayAt(`${origin}${RECEIVER_PATH}`, {
      method: "POST",
      headers,
      body,
      signal: AbortSignal.any([context.signal, AbortSignal.timeout(ANSWER_MS)]),
    });
    const text = await response.text();
    return { status: response.status, said: parseSaid(text), ms: systemClock.now() - startedMs };
  } catch (error) {
    context.signal.throwIfAborted();
    throw new PermanentError("connect_failed", `no relay answers at ${origin}: ${causeOf(error)}`, {
      nextAction: "start one with relay start, or say where it is: --url <address>",
    });
  }
}

function parseSaid(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 500); // a proxy's page, perhaps
  }
}

async function follow(context: CliContext, config: Config, key: string, json: boolean): Promise<FollowedEvent> {
  const progress = createProgress(context);
  try {
    progress.show("the relay reads the file and asks the rules …");
    return await followEvent(context, config, {
      key,
      patienceMs: PATIENCE_MS,
      onChange: (run) => {
        progress.clear();
        const words = `${paintStatus(context, run.status, run.status.padEnd(10))}  ${plain(run.rule)}  ${plain(filesWords(run))}  ${howItGoes(run)}`;
        if (!json) context.print(words.trimEnd());
      },
    });
  } finally {
    progress.clear();
  }
}
