import type { Context, Hono } from "hono";
import { z } from "zod";
import {
  type AnswerOutcome,
  type AnswerRun,
  type QuestionOutcome,
  type ReadQuestion,
  whyNotAnswered,
} from "../../handlers/answer-run.ts";
import { answerPage, INPUT_PREFIX } from "../dashboard/answer-page.ts";
import { readLimitedBody } from "../read-body.ts";
import { type Guards, type MountOperation, tellForm } from "./api/mount-operations.ts";
import { type Answer, operation, type Refused } from "./api/operation.ts";
import { explain } from "./explain.ts";
import { Reason } from "./read-reason.ts";
import { NO_SUCH_RUN, RUN_ID, RunParams } from "./runs.ts";

const MAX_ANSWER_BYTES = 262_144;

const AnswerBody = z.strictObject({
  action: z.string().min(1).max(200).describe("Which of the form's actions"),
  inputs: z
    .record(z.string(), z.unknown())
    .default({})
    .describe("What is filled in, by the names of the form's inputs"),
  ...Reason.shape,
});

const AskedForm = z
  .object({
    question: z.string().describe("Markdown, as the workflow's author wrote it"),
    inputs: z.array(
      z.object({
        name: z.string(),
        type: z.string().describe("`paragraph` and `select` take text; `file` and `file-list` take file objects"),
        preset: z.unknown().optional(),
      }),
    ),
    actions: z.array(z.object({ id: z.string(), title: z.string() })),
    expiresAtMs: z.int().describe("Afterwards the workflow goes the way its author planned for that case"),
    formUrl: z
      .string()
      .nullable()
      .describe(
        "Dify's own page of the form, where whoever has this link may answer; null where nobody knows its address",
      ),
  })
  .meta({ id: "AskedForm" });

const REFUSALS = {
  404: NO_SUCH_RUN,
  409: "It asks nobody (`code`: `not_paused`), not with a form (`no_form`), or no more (`too_late`)",
  502: "Dify refused",
} as const;

const READ_QUESTION = operation({
  id: "readQuestion",
  method: "get",
  path: "/api/runs/{id}/answer",
  tag: "runs",
  role: "operator",
  summary: "What a paused run asks a person",
  description: "The forms of its workflow that are open, asked of Dify at this moment.",
  params: RunParams,
  answers: {
    200: {
      description: "The forms",
      schema: z.object({ run: z.string(), status: z.literal("paused"), forms: z.array(AskedForm) }),
    },
  },
  refusals: REFUSALS,
});

const ANSWER_RUN = operation({
  id: "answerRun",
  method: "post",
  path: "/api/runs/{id}/answer",
  tag: "runs",
  role: "operator",
  summary: "Answer what a paused run asks",
  description: "The run goes on by itself. A form is answered once.",
  params: RunParams,
  body: AnswerBody,
  bodyExample: { action: "approve", inputs: { comment: "fine" } },
  maxBodyBytes: MAX_ANSWER_BYTES,
  answers: {
    200: {
      description: "It is answered",
      schema: z.object({ run: z.string(), status: z.literal("answered"), action: z.string() }),
    },
  },
  refusals: REFUSALS,
});

export const ANSWER_OPERATIONS = [READ_QUESTION, ANSWER_RUN];

export type AnswerRouteDeps = { readonly readQuestion: ReadQuestion; readonly answer: AnswerRun };

/** What a paused workflow asks a person: GET shows it, POST answers it; as JSON below `/api`, as a page otherwise. */
export function mountAnswers(
  app: Hono,
  mount: MountOperation,
  { operator }: Guards,
  { readQuestion, answer }: AnswerRouteDeps,
): void {
  mount(READ_QUESTION, async ({ params: { id } }) => tellQuestion(await readQuestion(id)));
  mount(ANSWER_RUN, async ({ params: { id }, body }, context) =>
    tellAnswer(await answer(id, context.get("who"), body)),
  );

  const path = `/runs/:id{${RUN_ID}}/answer`;
  const idOf = (context: Context): string => context.req.param("id") ?? "";
  app.get(path, operator, async (context) => {
    const outcome = await readQuestion(idOf(context));
    if (outcome.kind === "asks") return context.html(answerPage(outcome.run, outcome.forms, context.get("reader")));
    const { status, error } = refuse(outcome);
    return explain(context, false, status, error);
  });
  app.post(path, operator, async (context) => {
    const body = await readForm(context);
    if (!body) return explain(context, false, 400, "The form must have an action and its inputs.");
    const outcome = await answer(idOf(context), context.get("who"), body);
    return tellForm(context, tellAnswer(outcome), `/runs/${idOf(context)}`);
  });
}

/** Fields of the page's form; the inputs have names of the workflow author's choice, so they are marked. */
async function readForm(context: Context): Promise<z.output<typeof AnswerBody> | undefined> {
  const read = await readLimitedBody(context.req.raw.body, MAX_ANSWER_BYTES);
  if (read.kind !== "bytes") return undefined;
  try {
    const fields = [...new URLSearchParams(new TextDecoder("utf-8", { fatal: true }).decode(read.bytes))];
    const inputs = fields.filter(([name]) => name.startsWith(INPUT_PREFIX));
    return AnswerBody.safeParse({
      ...Object.fromEntries(fields.filter(([name]) => name === "action" || name === "reason")),
      inputs: Object.fromEntries(inputs.map(([name, value]) => [name.slice(INPUT_PREFIX.length), value])),
    }).data;
  } catch {
    return undefined;
  }
}

function tellQuestion(outcome: QuestionOutcome): Answer<typeof READ_QUESTION> {
  if (outcome.kind !== "asks") return refuse(outcome);
  return { status: 200, body: { run: outcome.run, status: "paused", forms: outcome.forms } };
}

function tellAnswer(outcome: AnswerOutcome): Answer<typeof ANSWER_RUN> {
  switch (outcome.kind) {
    case "answered":
      return { status: 200, body: { run: outcome.run, status: "answered", action: outcome.action } };
    default:
      return refuse(outcome);
  }
}

const STATUSES = {
  unknown_action: 400,
  unfit: 400,
  not_paused: 409,
  no_form: 409,
  too_late: 409,
  refused: 502,
} as const;

function refuse(
  outcome: Exclude<AnswerOutcome, { kind: "answered" }>,
): Refused<404 | (typeof STATUSES)[keyof typeof STATUSES]> {
  const { kind } = outcome;
  if (kind === "unknown_run") return { status: 404, error: NO_SUCH_RUN };
  return { status: STATUSES[kind], error: whyNotAnswered(outcome), code: kind };
}
