import type { IncomingMessage } from "node:http";
import { readBody } from "../kit/body.ts";
import { ApiError, internalServerError, invalidParam, type Violation, validationError } from "./api-error.ts";

const MAX_JSON_BYTES = 16 * 1024 * 1024;
/** Width of the column that holds the end user's name. */
const MAX_USER_CHARACTERS = 255;

/** A JSON body of a call that names its end user. */
export type UserCall = { readonly user: string; readonly body: Readonly<Record<string, unknown>> };

/**
 * Reads a JSON body and its `user`, in that order: a missing user wins over everything else in the body.
 *
 * @throws {ApiError} 415, 400 `bad_request` or 400 `invalid_param`
 */
export async function readUserCall(request: IncomingMessage): Promise<UserCall> {
  const bytes = await readBody(request, MAX_JSON_BYTES);
  const type = request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/json" && type?.endsWith("+json") !== true)
    throw new ApiError(
      415,
      "unsupported_media_type",
      "Did not attempt to load JSON data because the request Content-Type was not 'application/json'.",
    );
  const body = parseObject(bytes.toString("utf8"));
  const given = body["user"];
  if (given === undefined || given === null || given === "") throw invalidParam("Arg user must be provided.");
  const user = String(given);
  if (user.length > MAX_USER_CHARACTERS) throw internalServerError();
  return { user, body };
}

function parseObject(text: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new ApiError(
      400,
      "bad_request",
      "The browser (or proxy) sent a request that this server could not understand.",
    );
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw invalidParam("Arg user must be provided.");
  return { ...parsed };
}

export type RunPayload = {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly mode: "blocking" | "streaming";
};

/** @throws {ApiError} `invalid_param` with the text of the model's validation */
export function readRunPayload(body: Readonly<Record<string, unknown>>): RunPayload {
  const violations: Violation[] = [];
  const { inputs, files, response_mode: mode } = body;
  const isObject = typeof inputs === "object" && inputs !== null && !Array.isArray(inputs);
  if (inputs === undefined) {
    violations.push({ field: "inputs", text: "Field required", type: "missing", input: body });
  } else if (!isObject) {
    violations.push({ field: "inputs", text: "Input should be a valid dictionary", type: "dict_type", input: inputs });
  }
  if (files !== undefined && files !== null && !Array.isArray(files))
    violations.push({ field: "files", text: "Input should be a valid list", type: "list_type", input: files });
  if (mode !== undefined && mode !== null && mode !== "blocking" && mode !== "streaming")
    violations.push({
      field: "response_mode",
      text: "Input should be 'blocking' or 'streaming'",
      type: "literal_error",
      input: mode,
    });
  if (violations.length > 0 || !isObject) throw validationError("WorkflowRunPayload", violations);
  return { inputs: { ...inputs }, mode: mode === "streaming" ? "streaming" : "blocking" };
}
