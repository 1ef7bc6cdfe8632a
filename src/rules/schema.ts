import { z } from "zod";
import {
  anyNumber,
  duration,
  glob,
  MIME_GLOB,
  NAME_GLOB,
  oneOrMore,
  PATH_GLOB,
  size,
  template,
  text,
  word,
} from "./fields.ts";
import { hasSecret } from "./quote.ts";
import { RULE_EVENTS, type Rule } from "./rule.ts";
import { FOLDER_NAMES, INPUT_NAMES, TEXT_NAMES } from "./template.ts";

const DEFAULT_TIMEOUT_MS = 20 * 60_000;
const MAX_TIMEOUT_MS = 24 * 3_600_000;

/** Limits of Fast.io's share creation in characters, as its command line client documents them. */
export const SHARE_TITLE_CHARS = { min: 2, max: 80 } as const;
export const SHARE_DESCRIPTION_CHARS = { min: 10, max: 500 } as const;
/** Ours: Fast.io documents no limit for the text of an invitation. */
export const MAX_MESSAGE_CHARS = 1_000;
const MAX_FOLDER_DEPTH = 10;

const NOT_YET = "is not supported yet by this version of the relay";

/** Spellings of Fast.io's own event log and articles, and events after which there is no file to read. */
const EVENT_HINTS = {
  upload: 'is called "file.created" here',
  "file.uploaded": 'is called "file.created" here',
  "file.added": 'is called "file.created" here',
  workspace_storage_file_added: 'is called "file.created" here',
  "file.modified": 'is called "file.version_added" here',
  "file.updated": 'is called "file.version_added" here',
  workspace_storage_file_updated: 'is called "file.version_added" here',
  "file.deleted": "cannot start a run: the file is gone by then",
  "file.accessed": "cannot start a run: nothing in the file is new",
} as const;

const EMAIL = /^[^\s@<>,;"/\\]{1,64}@[^\s@<>,;"/\\]+\.[^\s@<>,;"/\\.]{2,}$/;

/** Whether a text is one e-mail address, in the plain form that an invitation takes. */
export const isEmail = (address: string): boolean => address.length <= 254 && EMAIL.test(address);

const WhenSchema = z
  .strictObject({
    workspace: text,
    events: oneOrMore(word(RULE_EVENTS, EVENT_HINTS)).default(["file.created", "file.version_added"]),
    folder: glob(PATH_GLOB).optional(),
    files: oneOrMore(glob(NAME_GLOB)).optional(),
    mime: oneOrMore(
      glob(MIME_GLOB).refine((value) => value.includes("/"), 'must look like "application/pdf"'),
    ).optional(),
    minSize: size.optional(),
    maxSize: size.optional(),
    exclude: z
      .strictObject({
        actors: anyNumber(text).default(["self"]),
        folders: anyNumber(glob(PATH_GLOB)).default([]),
      })
      .prefault({}),
  })
  .transform(({ minSize, maxSize, ...when }) => ({ ...when, minSizeBytes: minSize, maxSizeBytes: maxSize }));

const KeyVariableSchema = z.string().superRefine((value, context) => {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(value) && !hasSecret(value)) return;
  const keyLike = hasSecret(value) || /^(app|sk|dataset)-/i.test(value);
  // The value is never repeated: it may be the key itself.
  const message = keyLike
    ? "looks like a key itself; put the key into an environment variable and write that variable's name here, such as DIFY_API_KEY"
    : "must be the name of an environment variable, such as DIFY_API_KEY";
  context.addIssue({ code: "custom", message });
});

const RunSchema = z
  .strictObject({
    key: KeyVariableSchema.default("DIFY_API_KEY"),
    inputs: z
      .record(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/),
        z.union([template(INPUT_NAMES), z.number(), z.boolean()], "must be text, a number, true or false"),
      )
      .default({}),
    timeout: duration(1_000, MAX_TIMEOUT_MS, "between 1s and 24h").default(DEFAULT_TIMEOUT_MS),
    send: word(["upload"], { url: NOT_YET }).default("upload"),
  })
  .transform(({ key, timeout, ...run }) => ({ ...run, keyVariable: key, timeoutMs: timeout }));

const FolderTemplateSchema = template(FOLDER_NAMES).superRefine((value, context) => {
  const names = value.replace(/^\//, "").split("/");
  if (names.some((name) => name.trim() === "" || name === "." || name === ".."))
    context.addIssue({
      code: "custom",
      message: 'has an empty, "." or ".." folder; write a path such as "/Results/{{ date }}"',
    });
  if (names.length > MAX_FOLDER_DEPTH)
    context.addIssue({ code: "custom", message: `is more than ${MAX_FOLDER_DEPTH} folders deep` });
});

const InviteSchema = template(TEXT_NAMES).refine(
  (value) => value.includes("{{") || isEmail(value),
  'must be an e-mail address, or a template such as "{{ event.actor.email }}"',
);

const DeliverSchema = z
  .strictObject({
    as: word(["share"], { "drop-off": NOT_YET, workspace: NOT_YET }).default("share"),
    folder: FolderTemplateSchema.default("/Relay outputs/{{ date }}"),
    title: template(TEXT_NAMES).default("{{ file.name }}"),
    type: word(["send", "receive", "exchange"]).default("send"),
    access: word(["named", "link", "org"]).optional(),
    invite: anyNumber(InviteSchema).default([]),
    message: template(TEXT_NAMES).optional(),
    description: template(TEXT_NAMES).optional(),
  })
  .transform(
    (deliver) => ({ ...deliver, access: deliver.access ?? (deliver.type === "send" ? "link" : "named") }) as const,
  );

const MOST_PER_DAY = 1_000_000_000_000;
const PER_DAY = "must be a whole number from 1 on";
const perDay = z.number().int(PER_DAY).min(1, PER_DAY).max(MOST_PER_DAY, "is more than any day holds");

const LimitSchema = z
  .strictObject({ runsPerDay: perDay.optional(), tokensPerDay: perDay.optional() })
  .refine(
    ({ runsPerDay, tokensPerDay }) => runsPerDay !== undefined || tokensPerDay !== undefined,
    "limits nothing; give runsPerDay or tokensPerDay, or remove it",
  );

/** One entry under `rules:`. Strict: a key it does not know is a fault. */
export const RuleSchema = z.strictObject({
  name: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9-]{0,62}$/,
      "must be 1 to 63 small letters, digits and hyphens, and not start with a hyphen",
    ),
  when: WhenSchema,
  run: RunSchema.prefault({}),
  deliver: DeliverSchema.prefault({}),
  limit: LimitSchema.optional(),
}) satisfies z.ZodType<Rule>;

/** Keys by the place they stand in; for hints about misspelt and misplaced ones. */
export const KEYS: Readonly<Record<string, readonly string[]>> = {
  rule: ["name", "when", "run", "deliver", "limit"],
  when: ["workspace", "events", "folder", "files", "mime", "minSize", "maxSize", "exclude"],
  exclude: ["actors", "folders"],
  run: ["key", "inputs", "timeout", "send"],
  deliver: ["as", "folder", "title", "type", "access", "invite", "message", "description"],
  limit: ["runsPerDay", "tokensPerDay"],
};

/** Keys that later versions of the relay will know. Refused by name, so that nobody counts on them. */
export const LATER_KEYS: Readonly<Record<string, readonly string[]>> = {
  file: ["floodHold"],
  rule: ["maxDepth", "handoff", "shadow"],
  when: ["settle", "age"],
  run: ["ask"],
  deliver: ["password", "expires", "notify", "branding", "handoff"],
};
