/** Every name a template may hold, and what stands there when it is filled in. `NAME` stands for a name of the rule's own. */
const TEMPLATE_NAMES = {
  file: "the file itself, as the whole value of an input",
  "file.name": "report.final.pdf",
  "file.stem": "report.final",
  "file.extension": "pdf",
  "file.size": "bytes, as digits",
  "file.path": "/Inbox/2026/report.final.pdf",
  files: "all files of a batch, as the whole value of an input",
  "files.count": "how many files the run has, as digits",
  "files.label": "3 files of 2026-11-22; the file's name when there is one",
  "event.type": "file.created",
  "event.actor.id": "user id of whoever caused the event; empty when unknown",
  "event.actor.email": "e-mail of whoever caused the event; empty when unknown",
  date: "2026-11-22, in UTC, when the run was made",
  time: "14:05:09, in UTC, when the run was made",
  "rule.name": "summarise-contracts",
  "run.id": "the id of the run",
  "workspace.name": "Legal; the id when the name is unknown",
  "outputs.NAME": "what the workflow returned under this name: text as it is, another value as JSON; empty for files",
  "answers.NAME": "the answer to a question of the rule",
} as const;

export type TemplateName = keyof typeof TEMPLATE_NAMES;

/** Names that stand for many: the values have names of their own. */
export const FAMILIES = ["outputs", "answers"] as const;
export type Family = (typeof FAMILIES)[number];
export type FamilyName = `${Family}.NAME`;

/** Names that stand for files, not for text. */
const FILE_NAMES = ["file", "files"] as const;
type FileName = (typeof FILE_NAMES)[number];

/** Names of one value each, which is text. */
export type PlainName = Exclude<TemplateName, FileName | FamilyName>;

export const isFileName = (name: TemplateName): name is FileName => FILE_NAMES.some((known) => known === name);

export const isFamily = (name: TemplateName): name is FamilyName =>
  FAMILIES.some((family) => name === `${family}.NAME`);

export const isPlain = (name: TemplateName): name is PlainName => !isFileName(name) && !isFamily(name);

/** Names that every text of a rule may hold. */
export const TEXT_NAMES: readonly TemplateName[] = templateNames().filter(isPlain);

/** Names an input may hold. */
export const INPUT_NAMES: readonly TemplateName[] = templateNames().filter((name) => !isFamily(name));

/** Names a text about the results may hold: by then the workflow has ended. */
export const RESULT_NAMES: readonly TemplateName[] = templateNames().filter((name) => !isFileName(name));

/** Names a folder may hold: those whose values are not paths. */
export const FOLDER_NAMES: readonly TemplateName[] = RESULT_NAMES.filter((name) => name !== "file.path");

export function templateNames(): TemplateName[] {
  // Object.keys forgets the literal keys of a constant object; it has no others.
  return Object.keys(TEMPLATE_NAMES) as TemplateName[];
}
