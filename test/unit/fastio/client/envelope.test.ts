import { describe, expect, test } from "vitest";
import { openEnvelope } from "../../../../src/fastio/client/envelope.ts";

describe("openEnvelope opens", () => {
  test.each([
    [
      "a flat answer",
      '{"result":true,"node":{"id":"2"},"current_api_version":"1.0"}',
      { result: true, node: { id: "2" } },
    ],
    ["a nested answer", '{"result":true,"response":{"id":"2"}}', { id: "2" }],
    ["a yes/no answer", '{"result":"yes","response":{"id":"2"},"current_api_version":"1.0"}', { id: "2" }],
    ["an answer with a status", '{"result":true,"status":"ok"}', { result: true, status: "ok" }],
    ["a response that is a list", '{"result":"yes","response":[1]}', [1]],
    ["a success without a result", '{"success":true,"message":{"id":"m"}}', { success: true, message: { id: "m" } }],
    ["a bare list", '[{"id":"2"}]', [{ id: "2" }]],
  ])("%s", (_what, text, payload) => {
    expect(openEnvelope(text)).toEqual({ kind: "payload", payload });
  });

  test("numbers longer than a double can hold, digit for digit", () => {
    expect(openEnvelope('{"result":true,"id":2947763503651577469,"size":10}')).toEqual({
      kind: "payload",
      payload: { result: true, id: "2947763503651577469", size: 10 },
    });
  });
});

describe("openEnvelope tells a problem from", () => {
  test.each([
    ["text and a numeric code", '{"result":false,"error":{"code":1609,"text":"gone"}}', { code: "1609", fields: [] }],
    [
      "message and a code in words",
      '{"result":"no","error":{"code":"405","message":"no"}}',
      { code: "405", fields: [] },
    ],
    ["the secondary id", '{"result":false,"error":{"error_code":"e7","text":"x"}}', { code: "e7", fields: [] }],
    ["the flat form", '{"result":false,"error_message":"x","error_id":123456}', { code: "123456", fields: [] }],
    ["an error without result", '{"error":{"code":10011}}', { code: "10011", fields: [] }],
    ["an error that is text", '{"result":false,"error":"nope"}', { fields: [] }],
    [
      "params as rows",
      '{"result":false,"error":{"code":1605,"params":[{"name":"title","kind":"missing"},{"name":"a b"}]}}',
      { code: "1605", fields: ["title"] },
    ],
    [
      "params as an object",
      '{"result":false,"error":{"code":10760,"params":{"reason":"cursor_expired","retry_after_seconds":1.5}}}',
      { code: "10760", reason: "cursor_expired", fields: [], retryAfterMs: 1_500 },
    ],
    [
      "a wait of years, of which a day is believed",
      '{"result":false,"error":{"params":{"retry_after_seconds":"1e30"}}}',
      { fields: [], retryAfterMs: 86_400_000 },
    ],
  ])("%s", (_what, text, problem) => {
    const opened = openEnvelope(text);
    expect(opened.kind === "problem" && opened.problem).toEqual(problem);
  });
});

test.each(["", "<html>502</html>", "null", '"yes"', "{}", '{"node":{}}', '{"result":'])(
  "openEnvelope calls %j foreign",
  (text) => {
    expect(openEnvelope(text)).toEqual({ kind: "foreign" });
  },
);
