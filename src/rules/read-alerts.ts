import { AlertsSchema, type AlertThresholds, DEFAULT_ALERTS } from "./alerts-schema.ts";
import { type Complaint, describeIssue } from "./describe-issue.ts";

/** Checks what stands under `alerts:`. @param value undefined when the file has no such key */
export function readAlerts(value: unknown): {
  readonly alerts: AlertThresholds;
  readonly complaints: readonly Complaint[];
} {
  if (value === undefined) return { alerts: DEFAULT_ALERTS, complaints: [] };
  const parsed = AlertsSchema.safeParse(value);
  if (parsed.success) return { alerts: parsed.data, complaints: [] };
  const complaints = parsed.error.issues.flatMap((issue) =>
    describeIssue(issue, value, "alerts").map((complaint) => ({
      ...complaint,
      path: ["alerts", ...complaint.path],
    })),
  );
  return { alerts: DEFAULT_ALERTS, complaints };
}
