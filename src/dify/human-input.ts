import { z } from "zod";
import type { DifyCall } from "./call.ts";

/** A question that a paused workflow asks a person. */
export type DifyForm = {
  readonly token: string;
  /** Markdown, as the workflow's author wrote it, without the marks for the places of its inputs. */
  readonly question: string;
  /** `paragraph` and `select` take text; `file` and `file-list` take file objects. */
  readonly inputs: readonly { readonly name: string; readonly type: string; readonly preset?: unknown }[];
  readonly actions: readonly { readonly id: string; readonly title: string }[];
  /** Afterwards the workflow goes the way its author planned for that case. */
  readonly expiresAtMs: number;
};

export type DifyFormAnswer = {
  readonly action: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  /** The end user who answers; any name will do. */
  readonly user: string;
};

/** Answering human input, for one app key; from Dify 1.14 on. */
export type DifyForms = {
  /** @throws {PermanentError} `not_found`, or `invalid_request` when it was answered or has expired */
  readForm(token: string, signal: AbortSignal): Promise<DifyForm>;
  /** Once only. @throws {PermanentError} as `readForm`, and when the action or the inputs do not fit the form */
  submitForm(token: string, answer: DifyFormAnswer, signal: AbortSignal): Promise<void>;
};

const inputSchema = z.object({ type: z.string(), output_variable_name: z.string() });

const formSchema = z.object({
  form_content: z.string().catch(""),
  inputs: z.array(inputSchema).catch([]),
  resolved_default_values: z.record(z.string(), z.unknown()).catch({}),
  user_actions: z.array(z.object({ id: z.string(), title: z.string().catch("") })),
  expiration_time: z.number(),
});

/** `{{#$output.NAME#}}`, where Dify's own page puts the field of that name; whoever asks elsewhere puts the fields below. */
const MARK = /\{\{#\$output\.([^#{}]*)#\}\}/g;

/** A line that holds nothing but such a mark goes; in the midst of words the input's name stays, to be found below. */
const withoutMarks = (content: string): string =>
  content
    .split("\n")
    .flatMap((line) => {
      const words = line.replace(MARK, "").trim();
      return words === "" && line.trim() !== "" ? [] : [line.replace(MARK, "[$1]")];
    })
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();

const pathOf = (token: string): string => `/form/human_input/${encodeURIComponent(token)}`;

/** What a workflow asks a person, by the token of its form. */
export async function readForm(call: DifyCall, token: string, signal: AbortSignal): Promise<DifyForm> {
  const wire = await call.read(
    { operation: "dify.form.read", method: "GET", path: pathOf(token), repeatable: true },
    formSchema,
    signal,
  );
  return {
    token,
    question: withoutMarks(wire.form_content),
    inputs: wire.inputs.map(({ type, output_variable_name: name }) => {
      const preset = wire.resolved_default_values[name];
      return { name, type, ...(preset === undefined ? {} : { preset }) };
    }),
    actions: wire.user_actions,
    expiresAtMs: wire.expiration_time * 1_000,
  };
}

/** Answers it. Never sent again by itself: one that was answered refuses a second answer. */
export async function submitForm(
  call: DifyCall,
  token: string,
  answer: DifyFormAnswer,
  signal: AbortSignal,
): Promise<void> {
  await call.read(
    // A form is answered once: a second try would only be refused.
    { operation: "dify.form.submit", method: "POST", path: pathOf(token), json: answer, repeatable: false },
    z.unknown(),
    signal,
  );
}
