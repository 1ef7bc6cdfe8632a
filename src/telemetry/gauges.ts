/** What is read when somebody asks, rather than counted as it happens. By name, with what it tells and its labels. */
export const GAUGES = {
  relay_outbox_depth: {
    help: "Committed work that was not handed to its queue yet.",
    labels: ["kind"],
  },
  relay_outbox_age_seconds: {
    help: "Age of the oldest work that was not handed to its queue yet; 0 when there is none.",
    labels: ["kind"],
  },
  relay_events_unrouted: { help: "Events that no rule was asked about yet.", labels: [] },
  relay_events_unrouted_age_seconds: { help: "Age of the oldest of them; 0 when there is none.", labels: [] },
  relay_pressure: { help: "1 for each limit that is passed now, as this process sees it.", labels: ["reason"] },
  relay_queue_jobs: { help: "Jobs by queue and state.", labels: ["queue", "state"] },
  relay_queue_workers: { help: "Processes that work on the queue.", labels: ["queue"] },
  relay_runs: { help: "Runs that have not ended, by status.", labels: ["status"] },
  relay_alert: { help: "1 for each alert that is open.", labels: ["kind", "subject"] },
  relay_rule_paused: { help: "1 for each rule that is paused.", labels: ["rule"] },
  relay_app_limit_slots: {
    help: "Workflow runs that a Dify app is given at a time. An app is named by a hash of its key.",
    labels: ["app"],
  },
  relay_app_slots_used: { help: "Of these, how many are taken.", labels: ["app"] },
  relay_source_events: {
    help: "Events of the last hour by workspace: received by webhook, found by catch-up, and recovered, which catch-up alone told of.",
    labels: ["workspace", "way"],
  },
  relay_source_last_sign_timestamp_seconds: {
    help: "Last sign of life by workspace: an event by webhook, or a successful reading by catch-up.",
    labels: ["workspace", "source"],
  },
  relay_source_unchecked: {
    help: "1 where catch-up reads the feed of the workspace and cannot search for what it leaves out.",
    labels: ["workspace"],
  },
  relay_source_failing: { help: "1 where catch-up cannot read the workspace now.", labels: ["workspace"] },
} as const satisfies Readonly<Record<string, { readonly help: string; readonly labels: readonly string[] }>>;

export type GaugeName = keyof typeof GAUGES;

/** One reading. Labels are those of the gauge. */
export type Reading = {
  readonly gauge: GaugeName;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};
