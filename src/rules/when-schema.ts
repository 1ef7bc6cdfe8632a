import { z } from "zod";
import {
  anyNumber,
  duration,
  glob,
  mimeGlob,
  NAME_GLOB,
  oneOrMore,
  PATH_GLOB,
  RULE_NAME,
  size,
  text,
  word,
} from "./fields.ts";
import { RULE_EVENTS } from "./rule.ts";

const DAY_MS = 86_400_000;

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

/** The part of a rule that says which files it takes. */
export const WhenSchema = z
  .strictObject({
    workspace: text,
    share: text.optional(),
    outputsOf: oneOrMore(
      z.union([z.literal("*"), RULE_NAME], 'must be the name of a rule, or "*" for every other rule'),
    ).optional(),
    events: oneOrMore(word(RULE_EVENTS, EVENT_HINTS)).default(["file.created", "file.version_added"]),
    folder: glob(PATH_GLOB).optional(),
    files: oneOrMore(glob(NAME_GLOB)).optional(),
    mime: oneOrMore(mimeGlob).optional(),
    minSize: size.optional(),
    maxSize: size.optional(),
    actors: oneOrMore(text).optional(),
    maxAge: duration(60_000, 3_650 * DAY_MS, "between 1m and 3650d").optional(),
    settle: duration(1_000, DAY_MS, "between 1s and 1d").optional(),
    exclude: z
      .strictObject({
        actors: anyNumber(text).default(["self"]),
        folders: anyNumber(glob(PATH_GLOB)).default([]),
      })
      .prefault({}),
  })
  .transform(({ minSize, maxSize, maxAge, settle, ...when }) => ({
    ...when,
    minSizeBytes: minSize,
    maxSizeBytes: maxSize,
    maxAgeMs: maxAge,
    settleMs: settle,
  }));
