import type { RunRow } from "./schema.ts";

/** What a cancelled run says of itself. @param note what is known of the outside */
export const tellCancelled = ({ cancelReason }: Pick<RunRow, "cancelReason">, note: string) => ({
  errorCode: "run_cancelled",
  errorMessage: `cancelled by an operator${cancelReason === null ? "" : ` (${cancelReason})`}: ${note}`,
  errorStep: null,
  nextAction: "replay it if it is wanted after all",
});

/** Of a run that Dify was never asked for. */
export const NOT_STARTED = "no workflow had been started";
/** Of a run whose workflow came to its end, and of which nothing stands in Fast.io. */
export const NOT_DELIVERED = "the workflow had finished already; its outputs were not delivered";
