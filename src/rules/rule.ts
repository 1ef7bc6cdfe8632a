/** Events a rule can ask for: those after which the file is there to be read. */
export const RULE_EVENTS = [
  "file.created",
  "file.version_added",
  "file.version_restored",
  "file.restored",
  "file.moved",
  "file.copied",
] as const;

export type RuleEvent = (typeof RULE_EVENTS)[number];

/** What a user wrote, defaults filled in, units in the names. Plain data: templates and globs are still text. */
export type Rule = {
  readonly name: string;
  readonly when: RuleWhen;
  readonly run: RuleRun;
  readonly deliver: RuleDeliver;
  /** Absent: as much as Dify takes. */
  readonly limit?: RuleLimit | undefined;
  /** Runs its workflow and delivers nowhere: the results stand on the run's page alone. */
  readonly shadow?: boolean | undefined;
  /**
   * How long a chain of rules may be whose end this rule is: a file that a person dropped has depth 0,
   * an output of its run 1. Absent: `DEFAULT_MAX_DEPTH`.
   */
  readonly maxDepth?: number | undefined;
  /** Whose values the run's page may show. Absent: inputs; outputs of a shadow rule. */
  readonly show?: RuleShow | undefined;
  /** At the end the organisation is offered to a person, by a link that is shown once. */
  readonly handoff?: boolean | undefined;
};

/** All, none, or those of these names. */
export type RuleShow = {
  readonly inputs?: boolean | readonly string[] | undefined;
  readonly outputs?: boolean | readonly string[] | undefined;
};

export const DEFAULT_MAX_DEPTH = 1;
/** Unfinished runs of one rule above which further ones are held, unless the file says otherwise. */
export const DEFAULT_FLOOD_HOLD = 500;
/** How a batch ends, unless the file says otherwise. */
export const DEFAULT_BATCH: RuleBatch = { quietMs: 10_000, maxFiles: 50 };

/** What a rule may use on one day, from midnight to midnight UTC. At the limit its further runs wait for the next day. */
export type RuleLimit = {
  readonly runsPerDay?: number | undefined;
  /** Runs that are under way when it is reached end as they do: the sum may pass it by what they use. */
  readonly tokensPerDay?: number | undefined;
};

export type RuleWhen = {
  /** Id or name of a workspace, or `*`. */
  readonly workspace: string;
  /** Files that people upload into a share of the workspace that keeps files of its own: its id, custom name, or `*`. */
  readonly share?: string | undefined;
  /** Takes what these rules delivered, and nothing else; `*` is every other rule. Absent: outputs start nothing. */
  readonly outputsOf?: readonly string[] | undefined;
  readonly events: readonly RuleEvent[];
  /** Path glob for the folder that holds the file. */
  readonly folder?: string | undefined;
  readonly files?: readonly string[] | undefined;
  readonly mime?: readonly string[] | undefined;
  readonly minSizeBytes?: number | undefined;
  readonly maxSizeBytes?: number | undefined;
  /** Only files of these people: user ids or e-mail addresses. */
  readonly actors?: readonly string[] | undefined;
  /** A file that was made longer ago is left alone, as when it is found late. */
  readonly maxAgeMs?: number | undefined;
  /** A file is taken when it has not changed for so long. Absent: at once. */
  readonly settleMs?: number | undefined;
  readonly exclude: {
    /** User ids; `self` is the relay's own user. */
    readonly actors: readonly string[];
    /** Path globs; a folder that matches is left out with everything below it. */
    readonly folders: readonly string[];
  };
};

export type RuleRun = {
  /** Name of the environment variable that holds the Dify app's key. */
  readonly keyVariable: string;
  /** Dify variable to template, number or boolean. When none is `{{ file }}`, the app's one file variable gets the file. */
  readonly inputs: Readonly<Record<string, string | number | boolean>>;
  readonly timeoutMs: number;
  /** Whether the relay hands over the file's bytes, or a link that Dify fetches by itself. */
  readonly send: "upload" | "url";
  /**
   * What follows when a workflow run was asked for and Dify shows no trace of it: asking once more, which may in rare cases
   * make two, or asking a person. Absent: `start-again`.
   */
  readonly whenUntraced?: "start-again" | "ask" | undefined;
  /** Questions put to Fast.io before the workflow starts; the answers are inputs. */
  readonly ask?: readonly RuleAsk[] | undefined;
  /** `batch`: files that arrive together make one run. Absent: `each`. */
  readonly group?: "each" | "batch" | undefined;
  /** How a batch ends. Set when `group` is `batch`. */
  readonly batch?: RuleBatch | undefined;
};

export type RuleBatch = {
  /** A batch is complete when no file has come for so long. */
  readonly quietMs: number;
  /** A batch of more files is cut into several. */
  readonly maxFiles: number;
};

/** A question that Fast.io's own AI answers from the files of the workspace. */
export type RuleAsk = {
  /** Template. */
  readonly question: string;
  /** Before the run: the variable of the Dify app. After it: `NAME` of `{{ answers.NAME }}`. */
  readonly into: string;
  /** Where to look: in the run's own files, in the folder they lie in, or anywhere in the workspace. */
  readonly scope: "files" | "folder" | "workspace";
  /** Names of the files the answer was found in are written below it. */
  readonly citations: boolean;
};

export type RuleDeliver = {
  /**
   * `share`: a share of its own for each run. `drop-off`: a folder that a person is let into.
   * `workspace`: files in a folder of the workspace, no link. `file-share`: a durable link to the one output.
   */
  readonly as: "share" | "drop-off" | "workspace" | "file-share";
  /**
   * Path template, from the top of the workspace; `.` is the folder of the source. Each run gets a folder of its own in
   * it; a drop-off is this folder itself, as long as nothing else lies in it.
   */
  readonly folder: string;
  readonly title: string;
  readonly type: "send" | "receive" | "exchange";
  readonly access: "named" | "link" | "org" | "registered";
  /**
   * `folder`: the share shows the run's folder. `own`: the outputs lie in the share itself, which Fast.io lets expire.
   * Absent: `own` when it is to end, else `folder`.
   */
  readonly storage?: "folder" | "own" | undefined;
  /** Name of the environment variable that holds the password. */
  readonly passwordVariable?: string | undefined;
  /** The link ends so long after it was made: by Fast.io where it can, else closed by the relay. */
  readonly expiresAfterMs?: number | undefined;
  /** When members get mail about files. */
  readonly notify?: "never" | "received" | "sent-or-received" | undefined;
  readonly comments?: boolean | undefined;
  /** How hard Fast.io makes it to take files away from the page. */
  readonly downloadSecurity?: "off" | "medium" | "high" | undefined;
  readonly branding?: RuleBranding | undefined;
  /** E-mail addresses or templates of such. */
  readonly invite: readonly string[];
  /** Template; goes with the invitation. */
  readonly message?: string | undefined;
  /** Template; stands on the share. */
  readonly description?: string | undefined;
  /** Questions put to Fast.io about the outputs once they are placed; `{{ answers.NAME }}` in message and description. */
  readonly ask?: readonly RuleAsk[] | undefined;
  /** What is left beside the source: a comment on it, a note in its folder. Absent: nothing. */
  readonly receipt?: "comment" | "note" | undefined;
  /** Name of the environment variable that holds the address of an incoming webhook which is told of each ending. */
  readonly noticeVariable?: string | undefined;
  /** What of the workflow's outputs is handed on, in this order. Absent: all of them, as they are. */
  readonly outputs?: readonly RuleOutput[] | undefined;
};

export type RuleOutput = {
  /** As the workflow's End node spells it. */
  readonly name: string;
  /** Template for the name of the file it becomes. Absent: the file's own name, or the output's with an extension. */
  readonly as?: string | undefined;
  /** Globs for the types it may have; what has another is left behind. */
  readonly types?: readonly string[] | undefined;
  /** What is larger is left behind. */
  readonly maxSizeBytes?: number | undefined;
};

/** How a share looks. */
export type RuleBranding = {
  /** `#rrggbb`. */
  readonly accent?: string | undefined;
  /** `#rrggbb`; a second one makes a gradient. */
  readonly background?: readonly string[] | undefined;
  /** Number of one of Fast.io's pictures. */
  readonly picture?: number | undefined;
  /** As the workspace looks. */
  readonly likeWorkspace?: boolean | undefined;
  /** Up to three links on the page. */
  readonly links?: readonly { readonly title: string; readonly url: string }[] | undefined;
};
