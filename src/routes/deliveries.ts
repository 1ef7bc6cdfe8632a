import type { Context, Hono } from "hono";
import { z } from "zod";
import { CheckAnswerSchema, CheckBody, type CheckSignature } from "../../handlers/check-signature.ts";
import {
  DeliveriesQuery,
  DeliveryListSchema,
  DeliveryStorySchema,
  type ReadDeliveries,
} from "../../handlers/read-deliveries.ts";
import { deliveriesPage, deliveryPage } from "../dashboard/delivery-pages.ts";
import { signatureCheckPage } from "../dashboard/signature-check-page.ts";
import { readLimitedBody } from "../read-body.ts";
import type { Guards, MountOperation } from "./api/mount-operations.ts";
import { operation } from "./api/operation.ts";
import { readQueryTolerantly } from "./api/read-asked.ts";
import { explain } from "./explain.ts";

export type DeliveryRouteDeps = { readonly deliveries: ReadDeliveries; readonly checkSignature: CheckSignature };

const DELIVERY_ID = "[A-Za-z0-9-]{1,64}";
const NO_SUCH_DELIVERY = "There is no such delivery, or it is older than the ledger remembers.";
/** A form writes each byte of a body as three. */
const MAX_CHECK_BYTES = 1_572_864;
const WRONG_CHECK = "The body is larger than 262,144 characters, or bodyBase64 is no base64.";

const LIST_DELIVERIES = operation({
  id: "listDeliveries",
  method: "get",
  path: "/api/deliveries",
  tag: "deliveries",
  role: "viewer",
  summary: "Deliveries, newest first",
  description:
    "What was posted by Fast.io or somebody else, with what the receiver said of it, and counts of what was refused.",
  query: DeliveriesQuery,
  answers: { 200: { description: "A page of deliveries", schema: DeliveryListSchema } },
});

const READ_DELIVERY = operation({
  id: "readDelivery",
  method: "get",
  path: "/api/deliveries/{id}",
  tag: "deliveries",
  role: "viewer",
  summary: "One delivery, and what it told",
  description:
    "Its verdict, headers and secret, and the events that it brought with their runs. No secret and no signature is told.",
  params: z.object({
    id: z
      .string()
      .regex(new RegExp(`^${DELIVERY_ID}$`))
      .describe("Id of the delivery"),
  }),
  answers: { 200: { description: "The delivery", schema: DeliveryStorySchema } },
  refusals: { 404: NO_SUCH_DELIVERY },
});

const CHECK_SIGNATURE = operation({
  id: "checkSignature",
  method: "post",
  path: "/api/deliveries/check",
  tag: "deliveries",
  role: "operator",
  summary: "Would this signature match?",
  description:
    "Judges a pasted request with the code that judges deliveries, and says of each scheme what it finds and what would mend it. Nothing is kept.",
  body: CheckBody,
  bodyExample: { headers: "Fastio-Signature: t=1763800000,v1=5257a8…", body: '{"event":"file.created"}' },
  maxBodyBytes: MAX_CHECK_BYTES,
  answers: { 200: { description: "What the receiver would say, and why", schema: CheckAnswerSchema } },
});

export const DELIVERY_OPERATIONS = [LIST_DELIVERIES, READ_DELIVERY, CHECK_SIGNATURE];

/** What was posted by Fast.io or somebody else, what became of it, and whether a signature would match. */
export function mountDeliveries(
  app: Hono,
  mount: MountOperation,
  { viewer, operator }: Guards,
  { deliveries, checkSignature }: DeliveryRouteDeps,
): void {
  mount(LIST_DELIVERIES, async ({ query }) => ({ status: 200, body: await deliveries.list(query) }));
  mount(READ_DELIVERY, async ({ params: { id } }) => {
    const story = await deliveries.story(id);
    return story ? { status: 200, body: story } : { status: 404, error: NO_SUCH_DELIVERY };
  });
  mount(CHECK_SIGNATURE, async ({ body }) => {
    const answer = await checkSignature(body);
    return answer ? { status: 200, body: answer } : { status: 400, error: WRONG_CHECK };
  });

  app.get("/deliveries", viewer, async (context) => {
    const query = readQueryTolerantly(DeliveriesQuery, new URL(context.req.url).searchParams);
    return context.html(deliveriesPage(await deliveries.list(query), query, context.get("reader")));
  });
  app.get("/deliveries/check", operator, (context) =>
    context.html(signatureCheckPage({ headers: "", body: "" }, context.get("reader"))),
  );
  app.post("/deliveries/check", operator, async (context) => {
    const pasted = await readCheck(context);
    const answer = pasted && (await checkSignature(pasted));
    if (!answer) return explain(context, false, 400, WRONG_CHECK);
    return context.html(signatureCheckPage(pasted, context.get("reader"), answer));
  });
  app.get(`/deliveries/:id{${DELIVERY_ID}}`, viewer, async (context) => {
    const story = await deliveries.story(context.req.param("id") ?? "");
    return story
      ? context.html(deliveryPage(story, context.get("reader")))
      : explain(context, false, 404, NO_SUCH_DELIVERY);
  });
}

async function readCheck(context: Context): Promise<CheckBody | undefined> {
  const read = await readLimitedBody(context.req.raw.body, MAX_CHECK_BYTES);
  if (read.kind !== "bytes") return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(read.bytes);
    return CheckBody.safeParse(fromForm(text)).data;
  } catch {
    return undefined;
  }
}

/** Browsers send every line end of a form as CRLF; deliveries have LF, if any. */
function fromForm(text: string): CheckBody {
  const form = new URLSearchParams(text);
  const field = (name: string): string => (form.get(name) ?? "").replaceAll("\r\n", "\n");
  const at = Date.parse(field("receivedAt"));
  return { headers: field("headers"), body: field("body"), ...(Number.isNaN(at) ? {} : { receivedAtMs: at }) };
}
