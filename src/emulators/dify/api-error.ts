import type { ServerResponse } from "node:http";
import { sendText } from "../kit/body.ts";
import { pythonRepr, pythonType } from "./python-json.ts";

/** An answer in Dify's error envelope; thrown by routes, sent by the router. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /** A 404 only: the route that flask-restx would take for the one that was meant. */
  readonly near: string | undefined;
  constructor(status: number, code: string, message: string, near?: string) {
    super(message);
    this.name = new.target.name;
    this.status = status;
    this.code = code;
    this.near = near;
  }
}

export const invalidParam = (message: string) => new ApiError(400, "invalid_param", message);

/** The text werkzeug has for an error nobody foresaw. */
export const internalServerError = () =>
  new ApiError(
    500,
    "internal_server_error",
    "The server encountered an internal error and was unable to complete your request. " +
      "Either the server is overloaded or there is an error in the application.",
  );

/** flask-restx adds a route hint to 404 messages where routes are alike, so that nobody compares them. */
export function withRouteHint(error: ApiError, uri: string): ApiError {
  const { status, code, message, near } = error;
  if (near === undefined) return error;
  const hint = `You have requested this URI [${uri}] but did you mean ${near} ?`;
  return new ApiError(status, code, `${message.replace(/\.+$/, "")}. ${hint}`);
}

/** One violated rule of a pydantic model, with the text the library gives it. */
export type Violation = { field: string; text: string; type: string; input: unknown };

export function validationError(model: string, violations: readonly Violation[]): ApiError {
  const count = `${violations.length} validation error${violations.length === 1 ? "" : "s"} for ${model}`;
  const lines = violations.map(
    ({ field, text, type, input }) =>
      `${field}\n  ${text} [type=${type}, input_value=${pythonRepr(input).slice(0, 80)}, input_type=${pythonType(input)}]\n` +
      `    For further information visit https://errors.pydantic.dev/2.12/v/${type}`,
  );
  return invalidParam([count, ...lines].join("\n"));
}

/** Sends the envelope; restx ends its JSON with a newline. */
export function sendApiError(response: ServerResponse, { status, code, message }: ApiError): void {
  sendText(response, status, `${JSON.stringify({ code, message, status })}\n`, {
    "content-type": "application/json",
    ...(status === 401 ? { "www-authenticate": 'Bearer realm="api"' } : {}),
  });
}

const HTML = { "content-type": "text/html; charset=utf-8" };

/** Flask's own page for a path no route knows. */
export function sendHtmlNotFound(response: ServerResponse): void {
  const page = `<!doctype html>
<html lang=en>
<title>404 Not Found</title>
<h1>Not Found</h1>
<p>The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.</p>
`;
  sendText(response, 404, page, HTML);
}

/** What a proxy before Dify says when it will not wait longer. */
export function sendGatewayTimeout(response: ServerResponse): void {
  const page =
    "<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body>\r\n" +
    "<center><h1>504 Gateway Time-out</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
  sendText(response, 504, page, { "content-type": "text/html" });
}
