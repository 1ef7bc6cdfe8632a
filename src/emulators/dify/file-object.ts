import type { FileType } from "./file-types.ts";
import type { Profile } from "./profile.ts";

type FileFacts = {
  tenantId: string;
  type: FileType;
  method: "tool_file" | "local_file" | "remote_url";
  /** Id of the record behind it; null for remote files. */
  recordId: string | null;
  name: string;
  extension: string;
  mimeType: string;
  /** Bytes, −1 when unknown. */
  size: number;
  url: string;
};

/**
 * How a file stands in inputs and outputs; `dify_model_identity` marks it. The extension has its dot. P1 names the
 * tenant, later versions a reference.
 */
export function fileObject(profile: Profile, file: FileFacts): object {
  const about = { filename: file.name, extension: file.extension, mime_type: file.mimeType, size: file.size };
  const remoteUrl = file.method === "remote_url" ? file.url : null;
  const beginning = { dify_model_identity: "__dify__file__", id: null };
  const kind = { type: file.type, transfer_method: file.method, remote_url: remoteUrl };
  if (profile === "P1")
    return { ...beginning, tenant_id: file.tenantId, ...kind, related_id: file.recordId, ...about, url: file.url };
  const reference =
    file.recordId === null
      ? null
      : `dify-file-ref:${Buffer.from(JSON.stringify({ record_id: file.recordId })).toString("base64")}`;
  return { ...beginning, ...kind, reference, ...about, related_id: file.recordId, url: file.url };
}

function isFileObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && "dify_model_identity" in value;
}

/** What Dify repeats as `files`: the top level of each output and one level of arrays, nothing deeper. */
export function filesOf(outputs: Readonly<Record<string, unknown>> | null): object[] {
  return Object.values(outputs ?? {}).flatMap((value) =>
    Array.isArray(value) ? value.filter(isFileObject) : isFileObject(value) ? [value] : [],
  );
}

/** A value as the output node streams it: text as it is, files as Markdown links, the rest as JSON. */
export function asText(value: unknown): string {
  if (typeof value === "string") return value;
  if (isFileObject(value) && "filename" in value && "url" in value) return `[${value.filename}](${value.url})`;
  return JSON.stringify(value) ?? "";
}
