import { z } from "zod";
import { HOST_PATTERN } from "../http/host-guard.ts";
import { anyNumber, oneOrMore, size, text, word } from "./fields.ts";
import { quote } from "./quote.ts";

/** What agents may ask of the relay; the definitions are in `handlers/tools`. */
export const TOOL_OPERATIONS = [
  "listWorkspaces",
  "listFiles",
  "uploadFile",
  "importFromUrl",
  "getDownloadLink",
  "askFiles",
  "createShare",
  "createDropOff",
  "shareAccess",
  "revokeShare",
  "createHandoffLink",
] as const;

export type ToolOperation = (typeof TOOL_OPERATIONS)[number];

/** What one token of `TOOLS_TOKEN` may do. */
export type ToolGrant = {
  /** Ids or names of workspaces; `*`: all that the relay's own key sees. */
  readonly workspaces: readonly string[];
  /** `*`: all except `createHandoffLink`, which gives the whole organisation away and must be named. */
  readonly operations: readonly (ToolOperation | "*")[];
  /** Bytes of one file. */
  readonly maxUploadBytes: number;
  /** Calls in any minute, whichever receiver takes them. */
  readonly perMinute: number;
  /** Hosts whose files may be taken in by their addresses, such as `files.example.com` or `*.example.com`. */
  readonly fetch: readonly string[];
};

const DEFAULT_UPLOAD_BYTES = 50_000_000;
const DEFAULT_PER_MINUTE = 60;
const PER_MINUTE = "must be a whole number from 1 to 10000";

const host = text.superRefine((value, context) => {
  if (HOST_PATTERN.test(value)) return;
  const message = `${quote(value)} must be the name of a host, such as files.example.com or *.example.com, without scheme and port`;
  context.addIssue({ code: "custom", message });
});

/** One entry under `tools:`. */
export const ToolGrantSchema = z
  .strictObject({
    workspaces: oneOrMore(text),
    operations: oneOrMore(word([...TOOL_OPERATIONS, "*"])),
    maxUpload: size.default(DEFAULT_UPLOAD_BYTES),
    perMinute: z.number().int(PER_MINUTE).min(1, PER_MINUTE).max(10_000, PER_MINUTE).default(DEFAULT_PER_MINUTE),
    fetch: anyNumber(host).default([]),
  })
  .transform(({ maxUpload, ...rest }): ToolGrant => ({ ...rest, maxUploadBytes: maxUpload }));
