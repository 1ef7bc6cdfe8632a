import type { IncomingMessage, ServerResponse } from "node:http";
import type { EmulatedApp } from "./apps.ts";

export type RouteCall = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** The named groups of the route's path. */
  readonly params: Readonly<Record<string, string>>;
};

/** One operation; its name counts in the books. */
export type Route = {
  readonly operation: string;
  readonly method: "GET" | "POST";
  readonly path: RegExp;
} & (
  | { readonly auth: "key"; readonly handle: (call: RouteCall, app: EmulatedApp) => void | Promise<void> }
  | { readonly auth: "none"; readonly handle: (call: RouteCall) => void | Promise<void> }
);
