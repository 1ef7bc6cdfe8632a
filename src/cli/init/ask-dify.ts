import { type Environment, parseConfig } from "../../config.ts";
import type { DifyClient } from "../../dify/create-dify.ts";
import { findFileInput } from "../../dify/find-file-input.ts";
import type { DifyInput, DifyParameters } from "../../dify/types.ts";
import { PermanentError, RelayError } from "../../errors.ts";
import type { CliContext } from "../context.ts";
import { givenKey, upstreamsWith } from "./ask-fastio.ts";
import type { Asker } from "./asker.ts";
import type { InitOptions } from "./init-options.ts";
import { inputProposal, type RuleWish } from "./propose-rule.ts";

export type DifyAnswers = {
  readonly key: string;
  readonly appName: string;
  readonly parameters: DifyParameters;
  readonly fileInput: DifyInput;
  readonly inputs: RuleWish["inputs"];
};

const KEY_FLAG = "--dify-key-from <variable>";
/** Where the rule finds the key. */
export const DIFY_KEY_VARIABLE = "DIFY_API_KEY";

type App = Pick<DifyAnswers, "key" | "appName" | "parameters" | "fileInput">;

/** Finds the key of a workflow app that takes a file, and what goes into its inputs. */
export async function askDify(context: CliContext, asker: Asker, options: InitOptions): Promise<DifyAnswers> {
  const app = await findApp(context, asker, options);
  return { ...app, inputs: await fillInputs(asker, options, app) };
}

async function findApp(context: CliContext, asker: Asker, options: InitOptions): Promise<App> {
  const host = new URL(parseConfig(context.environment).dify.apiUrl).host;
  let key = givenKey(context.environment, options.difyKeyFrom, DIFY_KEY_VARIABLE, KEY_FLAG);
  if (key !== undefined) asker.say(`Dify's key is taken from ${options.difyKeyFrom ?? DIFY_KEY_VARIABLE}`);
  for (;;) {
    key ??= await asker.secret({ message: `API key of the Dify app (${host}); it is not shown`, flag: KEY_FLAG });
    try {
      const told = await inspect(context.environment, key, asker, context.signal);
      const fileInput = await chooseFileInput(asker, options, told.parameters.inputs);
      asker.say(
        `Dify takes the key: it opens ${told.appName || "a workflow app"}, whose file goes into ${fileInput.variable}`,
      );
      return { key, ...told, fileInput };
    } catch (error) {
      if (!(error instanceof RelayError) || error.code === "usage_invalid" || context.signal.aborted) throw error;
      if (!asker.isPerson) {
        throw new PermanentError("config_invalid", `Dify: ${error.message}`, {
          failure: "misconfigured",
          nextAction: error.nextAction ?? "use the key of a published workflow app that takes a file",
          cause: error,
        });
      }
      asker.warn(
        `${error.message}. ${error.nextAction ?? "Use the key of a published workflow app that takes a file."}`,
      );
      key = undefined;
    }
  }
}

async function inspect(
  environment: Environment,
  key: string,
  asker: Asker,
  signal: AbortSignal,
): Promise<Pick<App, "appName" | "parameters">> {
  const { upstreams } = upstreamsWith({ ...environment, [DIFY_KEY_VARIABLE]: key });
  try {
    const dify: DifyClient = upstreams.difyFor(DIFY_KEY_VARIABLE);
    return await asker.busy("asking Dify about the app …", async () => {
      const { name, mode } = await dify.readInfo(signal);
      if (mode !== "workflow") {
        throw new PermanentError("dify_not_workflow", `this key opens an app of mode ${mode}`, {
          nextAction: "Use the key of a workflow app.",
        });
      }
      return { appName: name, parameters: await dify.readParameters(signal) };
    });
  } finally {
    await upstreams.close();
  }
}

async function chooseFileInput(asker: Asker, options: InitOptions, inputs: readonly DifyInput[]): Promise<DifyInput> {
  const found = findFileInput(inputs);
  if (found.kind === "none") {
    throw new PermanentError("dify_input_invalid", "the app has no variable that takes a file", {
      nextAction: "Give its Start node a variable of type File, publish it, and use its key again.",
    });
  }
  const named = options.input ?? (found.kind === "one" ? found.input.variable : undefined);
  const files = inputs.filter(({ type }) => type === "file" || type === "file-list");
  const variable =
    named ??
    (await asker.choose({
      message: "The app takes several files. Which variable is the file from Fast.io?",
      flag: "--input <variable>",
      choices: files.map((input) => ({
        value: input.variable,
        label: input.variable,
        hint: input.required ? "required" : "optional",
      })),
    }));
  const input = files.find((one) => one.variable === variable);
  if (input) return input;
  throw new PermanentError(
    "usage_invalid",
    `the app has no file variable ${variable}; it has ${files.map((one) => one.variable).join(", ")}`,
  );
}

/** What the app must have is asked for; of what it may have, only titles are proposed. */
async function fillInputs(
  asker: Asker,
  { set }: InitOptions,
  { fileInput, parameters }: App,
): Promise<RuleWish["inputs"]> {
  const inputs: Record<string, string | number | boolean> = { [fileInput.variable]: "{{ file }}" };
  const others = parameters.inputs.filter((input) => input.variable !== fileInput.variable);
  const unknown = Object.keys(set).filter((name) => !others.some(({ variable }) => variable === name));
  if (unknown.length > 0)
    throw new PermanentError("usage_invalid", `--set: the app has no variable ${unknown.join(", ")}`);
  for (const input of others) {
    const given = set[input.variable] ?? inputProposal(input);
    const answer = given ?? (input.required ? await askInput(asker, input) : undefined);
    if (answer !== undefined) inputs[input.variable] = typed(input, answer);
  }
  return inputs;
}

function askInput(asker: Asker, input: DifyInput): Promise<string> {
  const { variable, type, options = [] } = input;
  const flag = `--set ${variable}=<value>`;
  if (type === "file" || type === "file-list") {
    throw new PermanentError(
      "dify_input_invalid",
      `the app also needs a file in ${variable}, and the relay has one file`,
      {
        nextAction: "Make that variable optional in the app's Start node, and publish it.",
      },
    );
  }
  const message = `The app needs ${variable} (${type})`;
  if (type === "select" && options.length > 0)
    return asker.choose({ message, flag, choices: options.map((value) => ({ value, label: value })) });
  return asker.text({
    message: `${message}: a text, which may hold {{ file.name }} and the like`,
    flag,
    check: (answer) => (answer === "" ? "it is needed" : fault(input, answer)),
  });
}

const fault = ({ type }: DifyInput, answer: string): string | undefined =>
  type === "number" && !Number.isFinite(Number(answer)) ? "must be a number" : undefined;

function typed({ type }: DifyInput, answer: string): string | number | boolean {
  if (type === "number") return Number(answer);
  return type === "checkbox" ? /^(true|yes|1|on)$/i.test(answer) : answer;
}
