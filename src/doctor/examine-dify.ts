import { Readable } from "node:stream";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import { createDify, type DifyClient } from "../dify/create-dify.ts";
import { errorOfErrorEvent, errorOfRun } from "../dify/dify-error.ts";
import { fileOriginsOf } from "../dify/files.ts";
import { findFileInput } from "../dify/find-file-input.ts";
import type { DifyInput, DifyParameters } from "../dify/types.ts";
import { TransientError } from "../errors.ts";
import { withHostGuard } from "../http/host-guard.ts";
import { withTimeouts } from "../http/timeouts.ts";
import type { Send } from "../http/types.ts";
import type { CompiledRule } from "../rules/compile-rules.ts";
import type { Log } from "../telemetry/log.ts";
import { spanOf } from "../text/figures.ts";
import { isKey, NO_KEY } from "../text/is-key.ts";
import { acceptedExtension, checkRuleInputs, prepareSample, sampleNames } from "./check-rule-inputs.ts";
import { createCheck } from "./create-check.ts";
import { type Finding, failed, ok, type Verdict } from "./finding.ts";
import {
  judgeClock,
  judgeFailure,
  judgeFileLink,
  judgeInputs,
  judgeLoad,
  judgePace,
  judgeVersion,
} from "./judge-dify.ts";
import { observeAnswers } from "./observe-answers.ts";

export type ExamineDifyDeps = {
  /** The bare transport. */
  readonly send: Send;
  readonly config: Pick<Config, "dify" | "outboundOrigins">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  readonly log: Log;
};

export type ExamineDifyOptions = {
  /** Starts one workflow run per app, on a file of a few bytes. Without it no workflow is ever started. */
  readonly run: boolean;
};

/** Milliseconds until an answer, and between two pieces of it. Nothing that is asked here takes Dify long. */
const PATIENCE = { headersTimeoutMs: 15_000, bodyTimeoutMs: 15_000 };
/** Milliseconds that a trial run may take. */
const RUN_PATIENCE_MS = 120_000;
const PROBE_TEXT = "relay doctor: a file of no importance\n";

/** Checks the server, then each app that a rule names, or the default one when there are no rules. */
export async function examineDify(
  deps: ExamineDifyDeps,
  rules: readonly CompiledRule[],
  options: ExamineDifyOptions,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { config, clock } = deps;
  const { apiUrl, filesUrl } = config.dify;
  const origins = [...fileOriginsOf(apiUrl), ...(filesUrl === undefined ? [] : [filesUrl]), ...config.outboundOrigins];
  const { send, answers } = observeAnswers(withTimeouts(withHostGuard(deps.send, origins), PATIENCE), clock);
  const clientOf = (apiKey: string): DifyClient =>
    createDify({
      ...deps,
      send,
      baseUrl: apiUrl,
      apiKey,
      filesBaseUrl: filesUrl,
      allowedFileOrigins: config.outboundOrigins,
    });
  const about = (check: string, verdict: Verdict): Finding => ({ check, subject: new URL(apiUrl).host, ...verdict });

  let version: string | undefined;
  try {
    version = await clientOf("").readVersion(signal);
  } catch (error) {
    signal.throwIfAborted();
    return [about("dify.server", judgeFailure(error))];
  }
  const findings: Finding[] = [
    about("dify.server", ok(`answers at ${apiUrl}`)),
    about("dify.version", judgeVersion(version)),
    about("dify.clock", judgeClock(answers.find(({ skewMs }) => skewMs !== undefined)?.skewMs)),
  ];
  const variables = rules.length === 0 ? ["DIFY_API_KEY"] : [...new Set(rules.map(({ rule }) => rule.run.keyVariable))];
  for (const variable of variables) {
    const mine = rules.filter(({ rule }) => rule.run.keyVariable === variable);
    const key = config.dify.keyOf(variable);
    const told =
      key !== undefined && isKey(key)
        ? await examineApp(deps, clientOf(key), mine, options, signal)
        : [{ check: "dify.app.key", ...missingKey(variable, key === undefined ? "is not set" : NO_KEY) }];
    findings.push(...told.map((finding) => ({ ...finding, subject: variable })));
  }
  findings.push(about("dify.pace", judgePace(answers.filter(({ operation }) => operation !== "dify.run.start"))));
  return findings;
}

const missingKey = (variable: string, why: string) =>
  failed("key_missing", `the variable ${why}`, `Make an API key in the Dify app and set ${variable}.`);

type AppFinding = Omit<Finding, "subject">;

async function examineApp(
  deps: ExamineDifyDeps,
  dify: DifyClient,
  rules: readonly CompiledRule[],
  { run }: ExamineDifyOptions,
  signal: AbortSignal,
): Promise<readonly AppFinding[]> {
  const findings: AppFinding[] = [];
  const examine = createCheck(judgeFailure, (check, verdict) => findings.push({ check, ...verdict }), signal);
  /** @returns whether it was fine */
  const check = async (...asked: Parameters<typeof examine>): Promise<boolean> =>
    (await examine(...asked)).status !== "failed";

  const isWorkflow = await check("dify.app.key", async () => {
    const { name, mode } = await dify.readInfo(signal);
    if (mode === "workflow") return ok(`opens the workflow app ${JSON.stringify(name)}`);
    return failed("not_workflow", `opens an app of mode ${mode}`, "Use the key of a workflow app.");
  });
  if (!isWorkflow) return findings;

  let parameters: DifyParameters = { inputs: [], uploadLimits: { image: 0, video: 0, audio: 0, other: 0 } };
  const takesFiles = await check("dify.app.inputs", async () => {
    parameters = await dify.readParameters(signal);
    return judgeInputs(parameters.inputs);
  });
  const declared = parameters.inputs;
  if (takesFiles) {
    for (const compiled of rules) {
      await check("dify.rule.inputs", async () => {
        const { faults, notes } = checkRuleInputs(compiled, parameters);
        if (faults.length === 0) return ok([`the inputs of rule ${compiled.rule.name} fit`, ...notes].join("; "));
        const remedy = "Change run.inputs of the rule, or the variables of the app's Start node.";
        return failed("inputs_do_not_fit", `rule ${compiled.rule.name}: ${faults.join("; ")}`, remedy);
      });
    }
  }
  await check("dify.app.load", async () => judgeLoad(await dify.countRunning(signal), deps.config.dify.parallel));
  const user = `relay-doctor-${deps.newId()}`;
  await check("dify.app.files", () => probeFiles(deps, dify, user, signal));
  if (run && takesFiles) await check("dify.app.run", () => tryRun(deps, dify, { user, declared, rules }, signal));
  return findings;
}

/** Uploads a few bytes and fetches them back by the link that came for them. Starts nothing. */
async function probeFiles(
  { config }: ExamineDifyDeps,
  dify: DifyClient,
  user: string,
  signal: AbortSignal,
): Promise<Verdict> {
  const { sourceUrl } = await dify.uploadProbe(probeFile(user, "relay-doctor.txt"), signal);
  const verdict = judgeFileLink(sourceUrl, config.dify.filesUrl);
  if (sourceUrl === undefined) return verdict;
  try {
    const link = { name: "relay-doctor.txt", mimeType: "text/plain", url: sourceUrl };
    const { body } = await dify.openOutput(link, signal);
    const pieces: Buffer[] = [];
    for await (const piece of body as AsyncIterable<Buffer>) pieces.push(piece);
    if (Buffer.concat(pieces).toString() === PROBE_TEXT) return verdict;
    return failed("file_urls_unusable", "a file link leads to other bytes than were uploaded", FILES_REMEDY);
  } catch (error) {
    signal.throwIfAborted();
    const { found } = judgeFailure(error);
    const relative = verdict.fault === "relative_file_urls" ? `${verdict.found}; and ` : "";
    return failed(
      verdict.fault ?? "file_urls_unusable",
      `${relative}a file link cannot be opened from here: ${found}`,
      FILES_REMEDY,
    );
  }
}

const FILES_REMEDY =
  "Set DIFY_FILES_URL to where this machine reaches Dify's /files, or FILES_URL in Dify; add other hosts to OUTBOUND_ORIGINS if you trust them.";

const probeFile = (user: string, name: string) => ({
  user,
  name,
  mimeType: "text/plain",
  size: Buffer.byteLength(PROBE_TEXT),
  body: Readable.from([Buffer.from(PROBE_TEXT)]),
});

/** One real workflow run with the inputs of the app's first rule. */
async function tryRun(
  { clock }: ExamineDifyDeps,
  dify: DifyClient,
  app: { readonly user: string; readonly declared: readonly DifyInput[]; readonly rules: readonly CompiledRule[] },
  signal: AbortSignal,
): Promise<Verdict> {
  const { user, declared } = app;
  const [rule] = app.rules;
  const name = (rule && sampleNames(rule, declared)[0]) ?? `sample.${acceptedExtension(declared)}`;
  const { id } = await dify.uploadProbe(probeFile(user, name), signal);
  const inputs = rule ? prepareSample(rule, declared, name).fill({ uploadId: id }) : onlyFile(declared, id);
  const deadline = new AbortController();
  const unneeded = new AbortController();
  clock.sleep(RUN_PATIENCE_MS, unneeded.signal).then(
    () => deadline.abort(new TransientError("run_timed_out", `no end within ${RUN_PATIENCE_MS / 1_000} s`)),
    () => undefined,
  );
  const startedMs = clock.now();
  try {
    for await (const event of dify.startRun({ user, inputs }, AbortSignal.any([signal, deadline.signal]))) {
      if (event.kind === "paused") return ok("a trial run started and waits for a person");
      if (event.kind === "error") return judgeFailure(errorOfErrorEvent(event, { began: false }));
      if (event.kind !== "finished") continue;
      const tookMs = clock.now() - startedMs;
      const { status, outputs, error, totalSteps = 0 } = event;
      const failure = errorOfRun({
        ...{ id: "", status, outputs, totalTokens: 0, totalSteps, elapsedMs: tookMs, createdAtMs: startedMs },
        ...(error === undefined ? {} : { error }),
      });
      if (failure) return judgeFailure(failure);
      return ok(`a trial run ended after ${spanOf(tookMs)} with ${Object.keys(outputs).length} outputs`);
    }
  } finally {
    unneeded.abort();
  }
  return failed("run_failed", "a trial run told no end", "Look at the run in Dify's logs.");
}

function onlyFile(declared: readonly DifyInput[], uploadId: string): Readonly<Record<string, unknown>> {
  const found = findFileInput(declared);
  if (found.kind !== "one") return {};
  const file = { type: "document", transfer_method: "local_file", upload_file_id: uploadId };
  return { [found.input.variable]: found.input.type === "file" ? file : [file] };
}
