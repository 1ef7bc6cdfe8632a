import { randomBytes, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { systemClock } from "../../clock.ts";
import { type Config, type Environment, parseConfig } from "../../config.ts";
import { extensionsTaken } from "../../dify/file-type.ts";
import type { DifyInput } from "../../dify/types.ts";
import { acceptedExtension } from "../../doctor/check-rule-inputs.ts";
import { PermanentError, RelayError } from "../../errors.ts";
import { keyOfSample } from "../../fastio/samples/key-of-sample.ts";
import { writeSample } from "../../fastio/samples/sample-deliveries.ts";
import { type SampleScheme, signSample } from "../../fastio/samples/sign-sample.ts";
import type { Fastio, FastioNode } from "../../fastio/types.ts";
import { askRelayAt } from "../../http/ask-relay-at.ts";
import { openRelay } from "../../relay/open-relay.ts";
import { fixedRules } from "../../rules/live-rules.ts";
import { silentLog } from "../../telemetry/log.ts";
import { causeOf, fetchRelay, relayOrigin } from "../ask-relay.ts";
import type { CliContext } from "../context.ts";
import { type FollowedEvent, followEvent } from "../follow-event.ts";
import { checkVariables, loadCompiledRules } from "../load-settings.ts";
import { sampleFiles } from "../sample-files.ts";
import type { Asker } from "./asker.ts";
import type { RuleWish } from "./propose-rule.ts";

export type FirstFileDeps = {
  readonly context: CliContext;
  readonly asker: Asker;
  /** The settings as they stand in the files now. */
  readonly environment: Environment;
  readonly fastio: Fastio;
  readonly rule: RuleWish;
  readonly fileInput: DifyInput;
  /** Told of each change of the run. */
  readonly onChange: Parameters<typeof followEvent>[2]["onChange"];
};

export type FirstFile =
  | { readonly kind: "followed"; readonly fileName: string; readonly ended: FollowedEvent }
  /** A relay runs that does not have these settings yet. */
  | { readonly kind: "other_relay"; readonly origin: string };

const PATIENCE_MS = 600_000;
/** As long as a running relay may take to see the new rules. */
const RULES_SEEN_MS = 5_000;
const PROBE_MS = 1_000;
/** Named as who dropped it: the relay leaves alone what it did itself. */
const DROPPED_BY = "relay-init";
const SAMPLE_TEXT = "This is the first file of your relay. It was put here by relay init and may be deleted.\n";

/** Drops a small file and follows it to its end, through the relay that runs here or one that is started for it. */
export async function tryFirstFile(deps: FirstFileDeps): Promise<FirstFile> {
  const config = parseConfig(deps.environment);
  const running = await findRelay(deps, config);
  if (running === "other") return { kind: "other_relay", origin: relayOrigin(config) };
  if (running === "ours") return follow(deps, config, config);

  // For as long as this takes, deliveries of our own are taken besides Fast.io's.
  const secret = randomBytes(24).toString("base64url");
  const secrets = [secret, ...config.fastio.secrets];
  const token = randomBytes(24).toString("base64url");
  const own: Config = {
    ...config,
    fastio: { ...config.fastio, secrets },
    tokens: [...config.tokens, { role: "viewer", token }],
    logLevel: "silent",
  };
  // All of them: what no rule wants meanwhile would be left aside for good.
  const rules = await loadCompiledRules(config.rulesFile);
  checkVariables(
    rules.map(({ rule }) => rule),
    config,
  );
  const relay = await deps.asker.busy("starting a relay …", () =>
    openRelay(
      {
        config: own,
        rules: fixedRules(rules),
        clock: systemClock,
        random: Math.random,
        newId: randomUUID,
        log: silentLog,
      },
      { receive: true, work: ["events", "runs", "shares", "upkeep"] },
    ),
  );
  try {
    return await follow(deps, own, { ...own, ask: { url: relay.url, token } });
  } finally {
    await relay.close();
  }
}

/** `ours`: it knows the rule and lets us read. */
async function findRelay({ context, rule }: FirstFileDeps, config: Config): Promise<"none" | "ours" | "other"> {
  const untilMs = systemClock.now() + RULES_SEEN_MS;
  for (;;) {
    try {
      const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PROBE_MS)]);
      const response = await fetchRelay(context, config, { path: "/api/rules", role: "viewer", signal });
      if (!response.ok) return "other";
      const told = (await response.json()) as { readonly rules?: readonly { readonly name: string }[] }; // our own API
      if (told.rules?.some(({ name }) => name === rule.name))
        return config.fastio.secrets.length > 0 ? "ours" : "other";
    } catch (error) {
      context.signal.throwIfAborted();
      return error instanceof RelayError && error.status !== undefined ? "other" : "none";
    }
    if (systemClock.now() > untilMs) return "other";
    await systemClock.sleep(500, context.signal);
  }
}

/** @param settings what deliveries are signed with @param asked the relay that takes and tells */
async function follow(deps: FirstFileDeps, settings: Config, asked: Config): Promise<FirstFile> {
  const { context, asker, onChange } = deps;
  const { node, workspaceId } = await asker.busy("dropping a small file …", () => dropFile(deps));
  const body = writeSample("P1", {
    event: "file.created",
    eventId: `relay-init-${randomUUID()}`,
    workspaceId,
    nodeId: node.id,
    actorUserId: DROPPED_BY,
    atMs: systemClock.now(),
  });
  const key = keyOfSample(body);
  if (key === undefined) throw new Error("a sample delivery tells of no event");
  await deliver(context, asked, settings, body);
  const ended = await followEvent(context, asked, { key, patienceMs: PATIENCE_MS, onChange });
  return { kind: "followed", fileName: node.name, ended };
}

async function deliver(context: CliContext, asked: Config, { fastio }: Config, body: Uint8Array): Promise<void> {
  const { signature, secrets } = fastio;
  const scheme: SampleScheme = signature === "auto" ? "fastio-signature" : signature;
  const id = `relay-init-${randomUUID()}`;
  const delivery = signSample({ scheme, secret: secrets[0], id, body, nowMs: systemClock.now() });
  const origin = relayOrigin(asked);
  let status: number;
  try {
    const { headers, body: sent } = delivery;
    const response = await askRelayAt(`${origin}/webhooks/fastio`, {
      method: "POST",
      headers,
      body: sent,
      signal: context.signal,
    });
    await response.body?.cancel();
    status = response.status;
  } catch (error) {
    context.signal.throwIfAborted();
    throw new PermanentError("connect_failed", `the relay at ${origin} does not answer: ${causeOf(error)}`);
  }
  if (status === 202) return;
  throw new PermanentError("invalid_request", `the relay at ${origin} answered the test event with ${status}`, {
    nextAction: "relay doctor looks for the reason",
  });
}

/** A file that the app takes, in the rule's folder. */
async function dropFile({ context, fastio, rule, fileInput }: FirstFileDeps): Promise<{
  readonly node: FastioNode;
  readonly workspaceId: string;
}> {
  const workspaceId = rule.workspace.id;
  let parentId = "root";
  for (const name of rule.folder.split("/").filter((part) => part !== ""))
    parentId = (await fastio.createFolder({ workspaceId, parentId }, name, context.signal)).id;
  const { name, size, open } = sampleFor(fileInput);
  const { id } = await fastio.upload({ workspaceId, parentId }, { name, size, body: open }, context.signal);
  return { node: await fastio.readNode(workspaceId, id, context.signal), workspaceId };
}

/** One of the samples that come with the relay, if the app takes one of them. */
function sampleFor(input: DifyInput): { readonly name: string; readonly size: number; readonly open: () => Readable } {
  const taken = extensionsTaken(input);
  const wanted = ["txt", "md", "csv", "pdf", "json", "svg"];
  const extension = wanted.find((one) => taken === undefined || taken.includes(one)) ?? acceptedExtension([input]);
  const own = sampleFiles().find((file) => file.name.endsWith(`.${extension}`));
  const name = `relay-first-file.${extension}`;
  if (own && extension !== "txt") return { ...own, name };
  const bytes = Buffer.from(SAMPLE_TEXT);
  return { name, size: bytes.length, open: () => Readable.from([bytes]) };
}
