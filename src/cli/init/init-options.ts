import type { Rule } from "../../rules/rule.ts";

/** What the command line may say beforehand, by the questions it answers. */
export type InitOptions = {
  /** Names of variables that hold the keys. */
  readonly fastioKeyFrom?: string;
  readonly difyKeyFrom?: string;
  readonly org?: string;
  readonly workspace?: string;
  /** The app's variable that the file goes into. */
  readonly input?: string;
  /** Values of the app's other variables. */
  readonly set: Readonly<Record<string, string>>;
  readonly folder?: string;
  readonly files?: readonly string[];
  readonly name?: string;
  readonly deliver?: Rule["deliver"]["as"];
  readonly invite: readonly string[];
  readonly hear?: "webhook" | "pull";
  readonly publicUrl?: string;
  /** Other values and rules of the same name may be replaced. */
  readonly replace: boolean;
  /** undefined: ask. */
  readonly try?: boolean;
  /** Ask nothing, take what is proposed. */
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
};
