import type { FastioKnobs } from "../knobs.ts";
import { ApiRefusal } from "../protocol/faults.ts";
import type { Route } from "./route.ts";

/** @throws {ApiRefusal} 402 for what the account has not paid for, as the knob `payment` says */
export function refuseUnpaid({ payment }: Pick<FastioKnobs, "payment">, route: Route): void {
  switch (payment) {
    case "none":
      return;
    case "credits":
      if (route.costs) throw new ApiRefusal(402, 1696, "The credit limit of the organisation is reached.");
      return;
    case "plan":
      if (route.costs) throw new ApiRefusal(402, 1695, "This feature needs a larger plan.", { reason: "plan_upgrade" });
      return;
    case "subscription":
      // Signing in, looking around and cleaning up stay free.
      if (["POST", "PUT", "PATCH"].includes(route.method) && !/^\/(user|oauth|event)\//.test(route.path))
        throw new ApiRefusal(402, 1688, "A subscription is required.", { reason: "subscription_required" });
      return;
    default:
      payment satisfies never;
  }
}
