import { findFileInput } from "../dify/find-file-input.ts";
import type { DifyInput } from "../dify/types.ts";
import { RelayError } from "../errors.ts";
import { messageOf } from "../message-of.ts";
import { spanOf } from "../text/figures.ts";
import { failed, ok, type Verdict, warning } from "./finding.ts";
import type { Answer } from "./observe-answers.ts";

/** A clock that is off by this much is told. */
const SKEW_TOLD_MS = 30_000;
/** From here on stamps and limits go wrong on one side or the other. */
const SKEW_TOO_MUCH_MS = 120_000;
/** Even a busy Dify answers what needs no workflow in less. */
const SLOW_MS = 2_000;

/** What a version means for recovery. Before 1.14 a run cannot be listened to again. */
export function judgeVersion(version: string | undefined): Verdict {
  const [major = Number.NaN, minor = Number.NaN] = (version ?? "").split(".").map(Number);
  if (Number.isNaN(major) || Number.isNaN(minor)) return ok("a Dify that does not tell its version");
  if (major > 1 || (major === 1 && minor >= 14)) return ok(`Dify ${version}`);
  const loss =
    minor < 13 || major < 1
      ? "runs live in the process that took the request: when the connection breaks they may stay unfinished for ever, and cannot be listened to again"
      : "runs cannot be listened to again when the connection breaks";
  return warning(
    "old_version",
    `Dify ${version}: ${loss}`,
    "Upgrade Dify to 1.14 or newer; until then the relay asks for each run's record instead.",
  );
}

/** @param skewMs by how much the server's clock is ahead of ours */
export function judgeClock(skewMs: number | undefined): Verdict {
  if (skewMs === undefined) return ok("the server does not tell its time");
  const off = Math.abs(skewMs);
  if (off < SKEW_TOLD_MS) return ok("both clocks agree within half a minute");
  const found = `its clock is ${spanOf(off)} ${skewMs > 0 ? "ahead of" : "behind"} this machine's`;
  const remedy = "Let both machines take their time from NTP; signatures and links are refused by a wrong clock.";
  return off < SKEW_TOO_MUCH_MS ? warning("clock_skew", found, remedy) : failed("clock_skew", found, remedy);
}

/** Of calls that start no workflow. */
export function judgePace(answers: readonly Answer[]): Verdict {
  const slowest = answers.reduce<Answer | undefined>(
    (slow, answer) => (slow === undefined || answer.tookMs > slow.tookMs ? answer : slow),
    undefined,
  );
  if (slowest === undefined) return ok("nothing was answered");
  if (slowest.tookMs < SLOW_MS) return ok(`the slowest of ${answers.length} answers took ${slowest.tookMs} ms`);
  return warning(
    "slow_answers",
    `${slowest.operation} took ${spanOf(slowest.tookMs)}, without any workflow at work`,
    "Look at the load of Dify's API container and its database; SERVER_WORKER_AMOUNT and SERVER_WORKER_CONNECTIONS bound what it answers at a time.",
  );
}

/** Whether the file has a place to go to. */
export function judgeInputs(inputs: readonly DifyInput[]): Verdict {
  if (inputs.length === 0) {
    return failed(
      "trigger_only",
      "the app declares no inputs at all: its workflow begins with a trigger, or with an empty Start node",
      "Publish a workflow that begins with a Start node with a file variable; one that begins with a trigger cannot be run by others.",
    );
  }
  const names = inputs.map(({ variable, type }) => `${variable} (${type})`).join(", ");
  if (findFileInput(inputs).kind !== "none") return ok(names);
  return failed(
    "no_file_variable",
    `no variable takes a file: ${names}`,
    "Add a variable of type File to the app's Start node and publish it.",
  );
}

/** @param sourceUrl the link that an upload was answered with */
export function judgeFileLink(sourceUrl: string | undefined, filesUrl: string | undefined): Verdict {
  if (sourceUrl === undefined) return ok("this Dify tells no link for uploads; those of outputs show at the first run");
  if (/^https?:/i.test(sourceUrl)) return ok("file links name their host");
  if (filesUrl !== undefined) return ok("file links are without a host, and DIFY_FILES_URL stands in for it");
  return warning(
    "relative_file_urls",
    "file links are without a host, since FILES_URL is not set in Dify",
    "Set FILES_URL in Dify, or DIFY_FILES_URL here; until then the relay takes the host of DIFY_API_URL.",
  );
}

/** @param parallel runs that the relay has under way at most */
export function judgeLoad(running: number, parallel: number): Verdict {
  if (running <= parallel) return ok(`${running} runs of this app are under way`);
  return warning(
    "overloaded",
    `${running} runs of this app have not ended, where the relay would send ${parallel} at a time`,
    "Wait for them, or look for dead ones in Dify's logs; as shipped, Dify works on four at a time (CELERY_WORKER_AMOUNT).",
  );
}

const START_NODE = "Use the key of a workflow app that begins with a Start node.";

/** The fault behind a call that failed. */
export function judgeFailure(error: unknown): Verdict {
  const found = messageOf(error);
  if (!(error instanceof RelayError))
    return failed("check_failed", found, "Look at the message; it is not one the relay knows.");
  const remedy = (words: string): string => error.nextAction ?? words;
  switch (error.code) {
    case "connect_failed":
      return failed(
        "unreachable",
        found,
        "Check the address, and that this machine may reach it: DNS, proxy, firewall.",
      );
    case "connection_lost":
      return failed("unreachable", found, "Something between here and Dify drops connections.");
    case "timed_out":
      return failed("slow_answers", found, "Look at the load of Dify's API container.");
    case "unauthorized":
      return failed("wrong_key", found, remedy("Check the app's API key."));
    case "forbidden":
      return failed("api_disabled", found, remedy("Enable the app's API access."));
    case "dify_unpublished":
      return failed("unpublished", found, remedy("Publish the workflow in Dify."));
    case "dify_not_workflow":
      return failed(
        /^trigger_/.test(error.upstreamCode ?? "") ? "trigger_only" : "not_workflow",
        found,
        remedy(START_NODE),
      );
    case "dify_overloaded":
    case "rate_limited":
      return failed(
        "overloaded",
        found,
        "Dify takes no more at present: wait, lower DIFY_PARALLEL, or give Dify more workers.",
      );
    case "upstream_unavailable":
      return failed(
        "overloaded",
        found,
        "Dify, or the proxy before it, is away or overloaded: try again, then look at its logs.",
      );
    case "dify_quota":
      return failed("quota_exhausted", found, remedy("Raise the plan's quota."));
    case "unsupported_here":
    case "answer_malformed":
      return failed("not_dify", found, "Check DIFY_API_URL: what answers there is no Dify Service API.");
    case "dify_input_invalid":
      return failed("inputs_do_not_fit", found, remedy("Compare the rule's inputs with the app's variables."));
    case "dify_run_failed":
    case "dify_run_stopped":
    case "run_timed_out":
      return failed("run_failed", found, remedy("Look at the run in Dify's logs."));
    default:
      return failed("check_failed", found, remedy("Look at Dify's logs."));
  }
}
