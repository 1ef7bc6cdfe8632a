import type { Context, Hono, MiddlewareHandler } from "hono";
import { z } from "zod";
import type { AnswerOutcome, AnswerRun } from "../../handlers/answer-run.ts";
import { answerPage, INPUT_PREFIX } from "../dashboard/answer-page.ts";
import { readLimitedBody } from "../read-body.ts";
import { explain } from "./explain.ts";

const MAX_ANSWER_BYTES = 262_144;
/** Without an action the question is only shown. */
const AnswerBody = z.strictObject({
  action: z.string().min(1).max(200).optional(),
  inputs: z.record(z.string(), z.unknown()).default({}),
});

/** What a paused workflow asks a person: GET shows it, POST answers it; as JSON below `/api`, as a page otherwise. */
export function mountAnswers(app: Hono, operator: MiddlewareHandler, runId: string, answer: AnswerRun): void {
  for (const base of ["/api/runs", "/runs"] as const) {
    const asJson = base === "/api/runs";
    const path = `${base}/:id{${runId}}/answer`;
    const idOf = (context: Context): string => context.req.param("id") ?? "";

    app.get(path, operator, async (context) =>
      tellAnswer(context, asJson, await answer(idOf(context), context.get("who"))),
    );
    app.post(path, operator, async (context) => {
      const read = await readLimitedBody(context.req.raw.body, MAX_ANSWER_BYTES);
      const body = read.kind === "bytes" ? readAnswer(read.bytes, asJson) : undefined;
      if (!body) return explain(context, asJson, 400, 'the body must be JSON such as {"action":"approve","inputs":{}}');
      const { action, inputs } = body;
      const given = action === undefined ? undefined : { action, inputs };
      const outcome = await answer(idOf(context), context.get("who"), given);
      return tellAnswer(context, asJson, outcome);
    });
  }
}

function readAnswer(bytes: Uint8Array, isJson: boolean): z.infer<typeof AnswerBody> | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return AnswerBody.safeParse(text === "" ? {} : isJson ? JSON.parse(text) : fromForm(text)).data;
  } catch {
    return undefined;
  }
}

/** Fields of the page's form; the inputs have names of the workflow author's choice, so they are marked. */
function fromForm(text: string): unknown {
  const fields = [...new URLSearchParams(text)];
  const inputs = fields.filter(([name]) => name.startsWith(INPUT_PREFIX));
  return {
    ...Object.fromEntries(fields.filter(([name]) => name === "action")),
    inputs: Object.fromEntries(inputs.map(([name, value]) => [name.slice(INPUT_PREFIX.length), value])),
  };
}

function tellAnswer(context: Context, asJson: boolean, outcome: AnswerOutcome): Response | Promise<Response> {
  switch (outcome.kind) {
    case "asks":
      if (!asJson) return context.html(answerPage(outcome.run, outcome.forms, context.get("reader")));
      return context.json({ run: outcome.run, status: "paused", forms: outcome.forms });
    case "answered":
      if (!asJson) return context.redirect(`/runs/${outcome.run}`, 303);
      return context.json({ run: outcome.run, status: "answered", action: outcome.action });
    case "unknown_run":
      return explain(context, asJson, 404, "There is no such run.");
    case "not_paused":
      return explain(context, asJson, 409, `The run is ${outcome.status}; it asks nobody.`);
    case "no_form":
      return explain(context, asJson, 409, "The workflow waits for a person, but not with a form; answer it in Dify.");
    case "unknown_action":
      return explain(context, asJson, 400, `there is no such action; there are ${outcome.known.join(", ")}`);
    case "unfit":
      return explain(context, asJson, 400, outcome.message);
    case "too_late":
      return explain(context, asJson, 409, outcome.message);
    case "refused":
      return explain(context, asJson, 502, outcome.message);
    default:
      return outcome satisfies never;
  }
}
