/** Stable names of what the doctor can find wrong: printed in `--json`, asserted in tests, never reworded. */
export type Fault =
  // this side
  | "settings_invalid"
  | "rules_invalid"
  | "key_missing"
  | "password_missing"
  | "notice_unusable"
  | "deliveries_refused"
  | "pages_closed"
  | "pages_refused"
  | "ledger_unavailable"
  | "queue_unavailable"
  | "queue_may_evict"
  | "queue_may_forget"
  | "queue_unworked"
  // Fast.io
  | "fastio_key_refused"
  | "fastio_unreachable"
  | "workspace_unknown"
  | "workspace_archived"
  | "no_webhook"
  | "no_feed"
  // Dify
  | "unreachable"
  | "not_dify"
  | "old_version"
  | "clock_skew"
  | "slow_answers"
  | "wrong_key"
  | "api_disabled"
  | "not_workflow"
  | "trigger_only"
  | "unpublished"
  | "no_file_variable"
  | "inputs_do_not_fit"
  | "relative_file_urls"
  | "file_urls_unusable"
  | "overloaded"
  | "quota_exhausted"
  | "run_failed"
  | "check_failed"
  // the storage of a self-hosted Dify
  | "storage_unused"
  | "storage_untried"
  | "endpoint_empty"
  | "storage_unreachable"
  | "storage_key_refused"
  | "storage_denied"
  | "storage_garbles"
  | "bucket_missing"
  | "wrong_region"
  | "wrong_address_style"
  | "list_denied"
  | "list_stale"
  | "probe_left"
  | "keys_too_wide"
  | "cors_unneeded"
  | "origin_missing";

/** What one check found. `found` is the state, or the cause of the fault; `remedy` what a person should do. */
export type Finding = {
  /** Stable dotted name of the check, such as `dify.app.inputs`. */
  readonly check: string;
  /** What was looked at: a setting, a host, a workspace, the variable that holds an app's key. */
  readonly subject: string;
  readonly status: "ok" | "warning" | "failed";
  readonly fault?: Fault;
  readonly found: string;
  readonly remedy?: string;
};

/** What a check says, before its name and subject are put to it. */
export type Verdict = Omit<Finding, "check" | "subject">;

/** Nothing is to be done. */
export const ok = (found: string): Verdict => ({ status: "ok", found });
/** It works, and may not for long, or not for all files. */
export const warning = (fault: Fault, found: string, remedy: string): Verdict => ({
  status: "warning",
  fault,
  found,
  remedy,
});
/** It does not work. @param remedy what the person does next, as a sentence */
export const failed = (fault: Fault, found: string, remedy: string): Verdict => ({
  status: "failed",
  fault,
  found,
  remedy,
});
