import { expect, test } from "vitest";
import { errorOfRefusal } from "../../../src/dify/dify-error.ts";
import { wasSurelyNotStarted } from "../../../src/dify/not-started.ts";
import { TransientError } from "../../../src/errors.ts";
import { TransportError } from "../../../src/http/transport-error.ts";

const refused = (status: number, json = true) =>
  errorOfRefusal({ operation: "dify.run.start", status, code: undefined, message: "", json });

test.each([
  { what: "no connection", error: new TransportError("connect_failed", "x", { sent: false }), sure: true },
  { what: "a lost connection", error: new TransportError("connection_lost", "x", { sent: true }), sure: false },
  { what: "a time-out", error: new TransportError("timed_out", "x", { sent: true }), sure: false },
  ...[400, 401, 403, 404, 413, 415, 429].map((status) => ({ what: `a ${status}`, error: refused(status), sure: true })),
  ...[408, 500, 502, 503, 504, 524].map((status) => ({
    what: `a ${status}`,
    error: refused(status, status === 500),
    sure: false,
  })),
  { what: "a gateway's 413", error: refused(413, false), sure: true },
  { what: "a truncated stream", error: new TransientError("stream_truncated", "x"), sure: false },
  { what: "an answer that is no stream", error: refused(200), sure: false },
  { what: "a bug", error: new Error("x"), sure: false },
])("$what leaves it certain that no run was started: $sure", ({ error, sure }) => {
  expect(wasSurelyNotStarted(error)).toBe(sure);
});
