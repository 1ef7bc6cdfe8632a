import { posix } from "node:path";
import { withoutEndSlashes } from "../text/without-end.ts";
import type { TemplateValues } from "./template.ts";

/** What a run knows when its templates are filled in. */
export type TemplateFacts = {
  readonly ruleName: string;
  readonly runId: string;
  readonly eventType: string;
  readonly actor?: { readonly id?: string | undefined; readonly email?: string | undefined } | undefined;
  readonly file: {
    readonly name: string;
    /** Folder it lies in, from the top: `/Inbox/2026`. */
    readonly folderPath: string;
    /** Bytes. */
    readonly size?: number | undefined;
  };
  /** Files of its batch; null for a run of one file. */
  readonly fileCount?: number | null | undefined;
  readonly workspace: { readonly id: string; readonly name?: string | undefined };
  /** When the run was made, not now: a repeated step must fill in the same date. */
  readonly runCreatedAtMs: number;
  /** What the workflow returned, by name, as far as templates of the rule hold it. */
  readonly outputs?: Readonly<Record<string, string>> | undefined;
  /** By the names that the rule gives them. */
  readonly answers?: Readonly<Record<string, string>> | undefined;
};

/** What the files of a run are called in few words: the one's name, or how many they are and when they came. */
export const filesLabel = (firstName: string, count: number | null | undefined, runCreatedAtMs: number): string =>
  (count ?? 1) > 1 ? `${count} files of ${new Date(runCreatedAtMs).toISOString().slice(0, 10)}` : firstName;

/** The values for every template of one run. */
export function templateValues(facts: TemplateFacts): TemplateValues {
  const { name, folderPath, size } = facts.file;
  const extension = posix.extname(name);
  const made = new Date(facts.runCreatedAtMs).toISOString();
  return {
    "file.name": name,
    "file.stem": extension === "" ? name : name.slice(0, -extension.length),
    "file.extension": extension.slice(1),
    "file.size": size === undefined ? undefined : String(size),
    "file.path": `${withoutEndSlashes(folderPath)}/${name}`,
    "files.count": String(facts.fileCount ?? 1),
    "files.label": filesLabel(name, facts.fileCount, facts.runCreatedAtMs),
    "event.type": facts.eventType,
    "event.actor.id": facts.actor?.id,
    "event.actor.email": facts.actor?.email,
    date: made.slice(0, 10),
    time: made.slice(11, 19),
    "rule.name": facts.ruleName,
    "run.id": facts.runId,
    "workspace.name": facts.workspace.name ?? facts.workspace.id,
    moment: made,
    outputs: facts.outputs ?? {},
    answers: facts.answers ?? {},
  };
}
