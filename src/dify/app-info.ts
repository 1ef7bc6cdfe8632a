import { z } from "zod";
import { PermanentError } from "../errors.ts";
import { discard } from "../http/readers.ts";
import type { DifyCall } from "./call.ts";
import { difyFileType } from "./file-type.ts";
import type { DifyInput, DifyParameters, DifyUploadLimits } from "./types.ts";

export type DifyMeta = { readonly toolIcons: Readonly<Record<string, unknown>> };
/** `user` is the name that we gave. */
export type DifyEndUser = { readonly id: string; readonly user: string; readonly isAnonymous: boolean };

/** A variable of the Start node, as the app's author wrote it. Members of no use to us are dropped. */
const variableSchema = z.object({
  variable: z.string().min(1),
  required: z.boolean().nullish().catch(undefined),
  max_length: z.number().nullish().catch(undefined),
  options: z.array(z.string()).nullish().catch(undefined),
  allowed_file_types: z.array(z.string()).nullish().catch(undefined),
  allowed_file_extensions: z.array(z.string()).nullish().catch(undefined),
  allowed_file_upload_methods: z.array(z.string()).nullish().catch(undefined),
});

const megabytes = (fallback: number) =>
  z
    .number()
    .catch(fallback)
    .transform((count) => count * 1024 * 1024);

/** Sizes that Dify ships with. */
const limitsSchema = z.object({
  image_file_size_limit: megabytes(10),
  video_file_size_limit: megabytes(100),
  audio_file_size_limit: megabytes(50),
  file_size_limit: megabytes(15),
});

const parametersSchema = z.object({
  user_input_form: z.array(z.record(z.string(), z.unknown())),
  system_parameters: limitsSchema.or(z.unknown().transform(() => limitsSchema.parse({}))),
});

const infoSchema = z.object({ name: z.string().catch(""), mode: z.string() });
const metaSchema = z.object({ tool_icons: z.record(z.string(), z.unknown()).catch({}) });
const userSchema = z.object({ id: z.string(), session_id: z.string(), is_anonymous: z.boolean().catch(false) });
const indexSchema = z.object({ server_version: z.string().optional().catch(undefined) });

const parameters = { operation: "dify.app.parameters", method: "GET", path: "/parameters", repeatable: true } as const;

/**
 * The variables of an app and its limits of uploads, which are in bytes.
 * @throws {PermanentError} `unauthorized`, and what else the table of failures has
 */
export async function readParameters(call: DifyCall, signal: AbortSignal): Promise<DifyParameters> {
  const wire = await call.read(parameters, parametersSchema, signal);
  const { user_input_form: form, system_parameters: limits } = wire;
  return {
    inputs: form.flatMap((element) => Object.entries(element).flatMap(([type, given]) => toInput(type, given))),
    uploadLimits: {
      image: limits.image_file_size_limit,
      video: limits.video_file_size_limit,
      audio: limits.audio_file_size_limit,
      other: limits.file_size_limit,
    },
  };
}

/** The limit for a file, in bytes. Dify goes by the extension alone. */
export function uploadLimitFor(limits: DifyUploadLimits, name: string): number {
  const type = difyFileType(name);
  return type === "image" || type === "video" || type === "audio" ? limits[type] : limits.other;
}

/** What the app is called, and its mode, such as `workflow`. */
export async function readInfo(
  call: DifyCall,
  signal: AbortSignal,
): Promise<{ readonly name: string; readonly mode: string }> {
  return call.read({ operation: "dify.app.info", method: "GET", path: "/info", repeatable: true }, infoSchema, signal);
}

/**
 * Such as `1.14.2`; undefined when the server does not say. Every answer names it in a header; where a proxy takes
 * that away the index tells it.
 */
export async function readVersion(call: DifyCall, signal: AbortSignal): Promise<string | undefined> {
  const index = { operation: "dify.server.version", method: "GET", path: "/", repeatable: true } as const;
  const answer = await call.open(index, signal);
  await discard(answer);
  return answer.headers["x-version"] ?? (await call.read(index, indexSchema, signal)).server_version;
}

/** Pictures of the tools that the app uses, by the tool's name: a link, or what Dify draws in its place. */
export async function readMeta(call: DifyCall, signal: AbortSignal): Promise<DifyMeta> {
  const meta = { operation: "dify.app.meta", method: "GET", path: "/meta", repeatable: true } as const;
  return { toolIcons: (await call.read(meta, metaSchema, signal)).tool_icons };
}

/** Whom Dify keeps a user as. @param id as Dify's logs name the starter of a run. @returns undefined: there is none */
export async function readEndUser(call: DifyCall, id: string, signal: AbortSignal): Promise<DifyEndUser | undefined> {
  const path = `/end-users/${encodeURIComponent(id)}`;
  try {
    const wire = await call.read(
      { operation: "dify.user.read", method: "GET", path, repeatable: true },
      userSchema,
      signal,
    );
    return { id: wire.id, user: wire.session_id, isAnonymous: wire.is_anonymous };
  } catch (error) {
    if (error instanceof PermanentError && error.code === "not_found") return undefined;
    throw error;
  }
}

function toInput(type: string, wire: unknown): readonly DifyInput[] {
  const parsed = variableSchema.safeParse(wire);
  if (!parsed.success) return [];
  const { variable, required, max_length, options } = parsed.data;
  const { allowed_file_types, allowed_file_extensions, allowed_file_upload_methods } = parsed.data;
  return [
    {
      variable,
      type,
      required: required ?? false,
      ...(max_length == null ? {} : { maxLength: max_length }),
      ...(options == null || options.length === 0 ? {} : { options }),
      ...(allowed_file_types == null ? {} : { allowedFileTypes: allowed_file_types }),
      ...(allowed_file_extensions == null ? {} : { allowedFileExtensions: allowed_file_extensions }),
      ...(allowed_file_upload_methods == null ? {} : { allowedUploadMethods: allowed_file_upload_methods }),
    },
  ];
}
