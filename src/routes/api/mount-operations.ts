import type { Context, Hono, MiddlewareHandler } from "hono";
import { z } from "zod";
import type { Role } from "../../config.ts";
import { readLimitedBody } from "../../read-body.ts";
import { explain } from "../explain.ts";
import type { Answer, Asked, OperationSpec, Refused } from "./operation.ts";
import { type ApiError, type Faults, readBody, readQuery, unfit } from "./read-asked.ts";

/** Lets a role in, or answers why not. */
export type Guards = Readonly<Record<Role, MiddlewareHandler>>;

/** Mounts one operation: its route comes from the declaration, and so does what its handler is given and may answer. */
export type MountOperation = <const Spec extends OperationSpec>(
  spec: Spec,
  handle: (asked: Asked<Spec>, context: Context) => Answer<Spec> | Promise<Answer<Spec>>,
) => void;

const MAX_BODY_BYTES = 4_096;

/** Where operations are mounted: whoever asks is let in by role, and what does not fit never reaches a handler. */
export const mountOperationsOn =
  (app: Hono, guards: Guards): MountOperation =>
  <const Spec extends OperationSpec>(
    spec: Spec,
    handle: (asked: Asked<Spec>, context: Context) => Answer<Spec> | Promise<Answer<Spec>>,
  ) => {
    const path = spec.path.replaceAll(/\{(\w+)\}/g, ":$1");
    const guarded = spec.role === null ? [] : [guards[spec.role]];
    app.on(spec.method.toUpperCase(), [path], ...guarded, async (context) => {
      context.header("cache-control", "no-store");
      const read = await readAsked(spec, context);
      if (read.kind === "refused") return tellRefusal(context, read.answer);
      // Both types follow from the declaration, by ways that the compiler cannot follow while it is open which one.
      const answer: unknown = await handle(read.asked as Asked<Spec>, context);
      return tellAnswer(context, answer as AnyAnswer);
    });
  };

type Unread = { readonly status: 400 | 404 | 413; readonly error: string; readonly faults?: Faults };
type ReadAsked =
  | { readonly kind: "fits"; readonly asked: Readonly<Record<keyof Asked<OperationSpec>, unknown>> }
  | { readonly kind: "refused"; readonly answer: Unread };

const refused = (answer: Unread): ReadAsked => ({ kind: "refused", answer });

async function readAsked(spec: OperationSpec, context: Context): Promise<ReadAsked> {
  const params = spec.params?.safeParse(context.req.param());
  if (params?.success === false)
    return refused({ status: 404, error: spec.refusals?.[404] ?? "There is no such thing." });
  const query = readQuery(spec.query ?? NOTHING, new URL(context.req.url).searchParams);
  if ("faults" in query) return refused(unfit(query.faults));
  let body: unknown = {};
  if (spec.body) {
    const limitBytes = spec.maxBodyBytes ?? MAX_BODY_BYTES;
    const sent = await readLimitedBody(context.req.raw.body, limitBytes);
    if (sent.kind === "too_large")
      return refused({ status: 413, error: `The body is larger than ${limitBytes} bytes.` });
    if (sent.kind === "cut_short") return refused(unfit([{ in: "body", name: "", reason: "was cut short" }]));
    const read = readBody(spec.body, sent.bytes);
    if ("faults" in read) return refused(unfit(read.faults));
    body = read.value;
  }
  return { kind: "fits", asked: { params: params?.data ?? {}, query: query.value, body } };
}

const NOTHING = z.strictObject({});
/** What any operation may answer, its declaration forgotten. */
export type AnyAnswer =
  | { readonly status: 200 | 201 | 202; readonly body: unknown }
  | { readonly status: 200 | 201 | 202; readonly response: Response }
  | Refused;

function tellAnswer(context: Context, answer: AnyAnswer): Response | Promise<Response> {
  if ("error" in answer) return tellRefusal(context, answer);
  return "response" in answer ? answer.response : context.json(answer.body, answer.status);
}

const tellRefusal = (context: Context, { status, error, faults, ...more }: Refused | Unread): Response =>
  context.json(
    { error, ...("code" in more && { code: more.code }), ...(faults && { faults: [...faults] }) } satisfies z.input<
      typeof ApiError
    >,
    status,
  );

/** The same answer for a form of our pages: back to where the deed shows, or a page that says why it was not done. */
export function tellForm(context: Context, answer: AnyAnswer, backTo: string): Response | Promise<Response> {
  return "error" in answer ? explain(context, false, answer.status, answer.error) : context.redirect(backTo, 303);
}
