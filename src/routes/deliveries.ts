import type { Context, Hono, MiddlewareHandler } from "hono";
import { CheckBody, type CheckSignature } from "../../handlers/check-signature.ts";
import type { ReadDeliveries } from "../../handlers/read-deliveries.ts";
import { deliveriesPage, deliveryPage } from "../dashboard/delivery-pages.ts";
import { signatureCheckPage } from "../dashboard/signature-check-page.ts";
import { readLimitedBody } from "../read-body.ts";
import { explain } from "./explain.ts";

export type DeliveryRouteDeps = { readonly deliveries: ReadDeliveries; readonly checkSignature: CheckSignature };

const DELIVERY_ID = "[A-Za-z0-9-]{1,64}";
/** A form writes each byte of a body as three. */
const MAX_CHECK_BYTES = 1_572_864;
const WRONG_CHECK =
  'The body must be JSON such as {"headers":"fastio-signature: t=…,v1=…","body":"{…}"}: as text up to 262,144 characters, or as bodyBase64.';

/** What was posted by Fast.io or somebody else, what became of it, and whether a signature would match. */
export function mountDeliveries(
  app: Hono,
  { viewer, operator }: { readonly viewer: MiddlewareHandler; readonly operator: MiddlewareHandler },
  { deliveries, checkSignature }: DeliveryRouteDeps,
): void {
  app.get("/deliveries", viewer, async (context) =>
    context.html(deliveriesPage(await deliveries.list(context.req.query()), context.get("reader"))),
  );
  app.get("/api/deliveries", viewer, async (context) => context.json(await deliveries.list(context.req.query())));

  app.get("/deliveries/check", operator, (context) =>
    context.html(signatureCheckPage({ headers: "", body: "" }, context.get("reader"))),
  );
  for (const base of ["/deliveries", "/api/deliveries"] as const) {
    const asJson = base === "/api/deliveries";
    app.post(`${base}/check`, operator, async (context) => {
      const pasted = await readCheck(context, asJson);
      const answer = pasted && (await checkSignature(pasted));
      if (!answer) return explain(context, asJson, 400, WRONG_CHECK);
      return asJson ? context.json(answer) : context.html(signatureCheckPage(pasted, context.get("reader"), answer));
    });
    app.get(`${base}/:id{${DELIVERY_ID}}`, viewer, async (context) => {
      const story = await deliveries.story(context.req.param("id") ?? "");
      if (!story)
        return explain(context, asJson, 404, "There is no such delivery, or it is older than the ledger remembers.");
      return asJson ? context.json(story) : context.html(deliveryPage(story, context.get("reader")));
    });
  }
}

async function readCheck(context: Context, isJson: boolean): Promise<CheckBody | undefined> {
  const read = await readLimitedBody(context.req.raw.body, MAX_CHECK_BYTES);
  if (read.kind !== "bytes") return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(read.bytes);
    return CheckBody.safeParse(isJson ? JSON.parse(text) : fromForm(text)).data;
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
