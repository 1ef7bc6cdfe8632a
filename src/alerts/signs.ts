import type { Strain } from "../pressure/judge-pressure.ts";

/** What is looked at to see whether something is wrong. Times are milliseconds since the epoch. */
export type AlertSigns = {
  /** Workspaces that rules in force name. */
  readonly sources: readonly {
    readonly workspaceId: string;
    readonly workspaceName: string | null;
    /** The last event by webhook, or reading by catch-up. */
    readonly lastSignMs: number | null;
    /** Since when catch-up cannot read it; null: it can, or does not try. */
    readonly failingSinceMs: number | null;
    readonly error: string | null;
    readonly nextAction: string | null;
    /** Since when its feed, which can be read, cannot be checked by a search. */
    readonly checkFailingSinceMs: number | null;
    readonly checkError: string | null;
    readonly checkNextAction: string | null;
  }[];
  readonly isCatchUpOn: boolean;
  readonly webhooks: {
    /** null: none ever came, as far as is remembered. */
    readonly lastVerifiedMs: number | null;
  };
  readonly outbox: readonly {
    readonly what: "event" | "run";
    readonly depth: number;
    readonly oldestMs: number | null;
  }[];
  /** Limits that are passed now, as the process that looks sees it. */
  readonly strains: readonly Pick<Strain, "reason" | "detail">[];
  /** Queues that no process works on. */
  readonly unworked: readonly { readonly name: string; readonly sinceMs: number }[];
  /** Runs that ended within the window, by rule: delivered or failed. */
  readonly ended: readonly { readonly ruleName: string; readonly failed: number; readonly all: number }[];
  /** Rules that the relay paused, not a person. */
  readonly paused: readonly {
    readonly ruleName: string;
    readonly reason: string | null;
    readonly nextAction: string | null;
  }[];
  /** Limits of today that are reached. */
  readonly budgets: readonly {
    readonly ruleName: string;
    readonly what: "runs" | "tokens";
    readonly used: number;
    readonly most: number;
  }[];
  /** Live secrets, newest first. */
  readonly secrets: readonly {
    readonly print: string;
    /** null: no delivery was signed with it, as far as is known. */
    readonly lastSeenMs: number | null;
    /** When a newer one was first seen to sign; null: none was. */
    readonly supersededMs: number | null;
  }[];
  readonly signatures: readonly {
    readonly print: string;
    readonly changedAtMs: number | null;
    readonly from: string;
    readonly to: string;
  }[];
  /** Apps of which runs are tried again and again because Dify does not answer. */
  readonly apps: readonly {
    readonly app: string;
    /** Variables of rules in force that hold its key. */
    readonly keys: readonly string[];
    readonly stuck: number;
    /** The most tries in a row of one of them. */
    readonly tries: number;
    readonly error: string;
    /** Runs of it that were delivered within the last minutes. */
    readonly deliveredLately: number;
  }[];
};
