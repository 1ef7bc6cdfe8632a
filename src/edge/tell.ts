import { type DeliveryAnswer, RETRY_AFTER_SECONDS } from "../delivery-answers.ts";

/** An answer that is not 202, in the relay's form. */
export const tell = (
  { status, error, headers = {} }: DeliveryAnswer,
  more: Readonly<Record<string, unknown>> = {},
): Response => Response.json({ error, ...more }, { status, headers });

/** Said while a setting is missing: nothing can be taken, and Fast.io keeps what it could not deliver. */
export const tellFaults = (faults: readonly string[]): Response =>
  tell(
    { status: 503, error: "the edge is not configured", headers: { "Retry-After": String(RETRY_AFTER_SECONDS) } },
    { faults },
  );
