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
};

/** What a rule may use on one day, from midnight to midnight UTC. At the limit its further runs wait for the next day. */
export type RuleLimit = {
  readonly runsPerDay?: number | undefined;
  /** Runs that are under way when it is reached end as they do: the sum may pass it by what they use. */
  readonly tokensPerDay?: number | undefined;
};

export type RuleWhen = {
  /** Id or name of a workspace, or `*`. */
  readonly workspace: string;
  readonly events: readonly RuleEvent[];
  /** Path glob for the folder that holds the file. */
  readonly folder?: string | undefined;
  readonly files?: readonly string[] | undefined;
  readonly mime?: readonly string[] | undefined;
  readonly minSizeBytes?: number | undefined;
  readonly maxSizeBytes?: number | undefined;
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
  readonly send: "upload";
};

export type RuleDeliver = {
  readonly as: "share";
  /** Path template, from the top of the workspace; each run gets a folder of its own in it. */
  readonly folder: string;
  readonly title: string;
  readonly type: "send" | "receive" | "exchange";
  readonly access: "named" | "link" | "org";
  /** E-mail addresses or templates of such. */
  readonly invite: readonly string[];
  /** Template; goes with the invitation. */
  readonly message?: string | undefined;
  /** Template; stands on the share. */
  readonly description?: string | undefined;
};
