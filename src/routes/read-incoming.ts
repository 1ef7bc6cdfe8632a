import type { Context } from "hono";
import type { ReceivedDelivery } from "../../handlers/take-delivery.ts";
import { readLimitedBody } from "../read-body.ts";

/** What was posted, as handlers want it: the exact bytes up to a limit, and the headers. */
export async function readIncoming(context: Context, limitBytes: number): Promise<ReceivedDelivery> {
  const declared = Number(context.req.header("content-length") ?? Number.NaN);
  const body = await readLimitedBody(
    context.req.raw.body,
    limitBytes,
    Number.isFinite(declared) ? declared : undefined,
  );
  return { headers: (name) => context.req.header(name), allHeaders: () => context.req.raw.headers, body };
}
