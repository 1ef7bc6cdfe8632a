/**
 * The parts of undici that the relay uses, by the files they lie in: "undici" itself also loads a browser's `fetch`,
 * WebSockets, caches and mocks, which keep 4 MiB in a process at rest that never asks for them (undici 8.12.4). It has no
 * list of exports that would forbid that.
 */
declare module "undici/lib/dispatcher/agent.js" {
  export { Agent as default } from "undici";
}
declare module "undici/lib/core/connect.js" {
  export { buildConnector as default } from "undici";
}
declare module "undici/lib/core/errors.js" {
  export { errors as default } from "undici";
}
