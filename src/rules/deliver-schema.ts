import { z } from "zod";
import { anyNumber, CAPITAL_VARIABLE, duration, OR_ONE, template, text, variableName, word } from "./fields.ts";
import { OutputsSchema } from "./output-schema.ts";
import type { RuleDeliver } from "./rule.ts";
import { asks } from "./run-schema.ts";
import { foldersOf } from "./template.ts";
import { FOLDER_NAMES, RESULT_NAMES, TEXT_NAMES } from "./template-names.ts";

/** Ours: Fast.io documents no limit for the text of an invitation. */
export const MAX_MESSAGE_CHARS = 1_000;
const MAX_FOLDER_DEPTH = 10;
const DAY_MS = 86_400_000;
const PICTURES = "must be the number of one of Fast.io's pictures, 0 to 128";

const EMAIL = /^[^\s@<>,;"/\\]{1,64}@[^\s@<>,;"/\\]+\.[^\s@<>,;"/\\.]{2,}$/;

/** Whether a text is one e-mail address, in the plain form that an invitation takes. */
export const isEmail = (address: string): boolean => address.length <= 254 && EMAIL.test(address);

const PasswordVariableSchema = variableName("password", "SHARE_PASSWORD", CAPITAL_VARIABLE);
const NoticeVariableSchema = variableName("webhook address", "NOTICE_URL", CAPITAL_VARIABLE);

const COLOUR = z.string().regex(/^#[0-9a-fA-F]{6}$/, 'must be a colour such as "#0a7d4f"');

const BrandingSchema = z.strictObject({
  accent: COLOUR.optional(),
  background: z
    .preprocess(
      (value) => (typeof value === "string" ? [value] : value),
      z.array(COLOUR).min(1, "is an empty list").max(2, "has more than the two colours of a gradient").meta(OR_ONE),
    )
    .optional(),
  picture: z.number().int("must be a whole number").min(0, PICTURES).max(128, PICTURES).optional(),
  likeWorkspace: z.boolean().optional(),
  links: z
    .array(z.strictObject({ title: text, url: z.url({ protocol: /^https?$/, error: "must be a web address" }) }))
    .max(3, "has more than the three links a share shows")
    .optional(),
});

const FolderTemplateSchema = template(FOLDER_NAMES).superRefine((value, context) => {
  if (value === ".") return; // the folder of the source
  const names = foldersOf(value.replace(/^\//, ""));
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

/** A drop-off is a folder by itself; all else has one of its own in a folder. */
const DEFAULT_FOLDERS: Readonly<Record<RuleDeliver["as"], string>> = {
  share: "/Relay outputs/{{ date }}",
  "drop-off": "/project-{{ date }}",
  workspace: "/Relay outputs/{{ date }}",
  "file-share": "/Relay outputs/{{ date }}",
};

/** The part of a rule that says what becomes of the outputs. */
export const DeliverSchema = z
  .strictObject({
    as: word(["share", "drop-off", "workspace", "file-share"]).default("share"),
    folder: FolderTemplateSchema.optional(),
    title: template(RESULT_NAMES).default("{{ files.label }}"),
    type: word(["send", "receive", "exchange"]).default("send"),
    access: word(["named", "link", "org", "registered"]).optional(),
    storage: word(["folder", "own"]).optional(),
    password: PasswordVariableSchema.optional(),
    expires: duration(60_000, 36_500 * DAY_MS, "between 1m and 36500d").optional(),
    notify: word(["never", "received", "sent-or-received"]).optional(),
    comments: z.boolean().optional(),
    downloadSecurity: word(["off", "medium", "high"]).optional(),
    branding: BrandingSchema.optional(),
    invite: anyNumber(InviteSchema).default([]),
    message: template(RESULT_NAMES).optional(),
    description: template(RESULT_NAMES).optional(),
    ask: asks.optional(),
    receipt: word(["comment", "note"]).optional(),
    notice: NoticeVariableSchema.optional(),
    outputs: OutputsSchema.optional(),
  })
  .transform(({ password, expires, notice, ...deliver }) => ({
    ...deliver,
    folder: deliver.folder ?? DEFAULT_FOLDERS[deliver.as],
    access: deliver.access ?? defaultAccess(deliver.as, deliver.type),
    passwordVariable: password,
    expiresAfterMs: expires,
    noticeVariable: notice,
  }));

/** A drop-off is for the people it names; a link for anyone is what else a share is for, where Fast.io allows it. */
const defaultAccess = (as: RuleDeliver["as"], type: RuleDeliver["type"]): RuleDeliver["access"] =>
  as !== "drop-off" && type === "send" ? "link" : "named";
