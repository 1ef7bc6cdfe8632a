import { expect, test } from "vitest";
import { readPastedRequest } from "../../../handlers/read-pasted-request.ts";

const BODY = '{"a": 1}';
const CURL = `* Connected to relay (127.0.0.1) port 8787
> POST /webhooks/fastio HTTP/1.1
> Host: relay
> Fastio-Signature: t=1,v1=abc=
> Content-Type: application/json
>
${BODY}
< HTTP/1.1 401 Unauthorized
< content-type: application/json
* Connection #0 left intact`;

test.each([
  ["curl -v", CURL],
  ["HTTP as it is", CURL.replaceAll(/^> ?|^[*<].*\n?/gm, "").trim()],
  [
    "with CRLF",
    CURL.replaceAll(/^> ?|^[*<].*\n?/gm, "")
      .trim()
      .replaceAll("\n", "\r\n"),
  ],
])("a whole request is read: %s", (_what, text) => {
  const { headers, body } = readPastedRequest(text, "");
  expect(headers.get("fastio-signature")).toBe("t=1,v1=abc=");
  expect(headers.get("content-type")).toBe("application/json");
  expect(body.trim()).toBe(BODY);
});

test.each([
  ["JSON", '{"Fastio-Signature": ["t=1", "v1=abc="], "n": 3}'],
  ["options of curl", `-H 'Fastio-Signature: t=1' \\\n  -H "fastio-signature: v1=abc="`],
  ["lines of a log", "\n  fastio-signature: t=1\nnonsense\n  Fastio-Signature:v1=abc="],
])("headers alone are read from %s, and one that comes twice is joined", (_what, text) => {
  const { headers, body } = readPastedRequest(text, BODY);
  expect([...headers]).toEqual([["fastio-signature", "t=1, v1=abc="]]);
  expect(body).toBe(BODY);
});

test("what is no request has no headers", () => {
  for (const text of ["", "{", "null", "{}", "[1]", "> ", ":", "a b: c", "x".repeat(100_000)])
    expect([...readPastedRequest(text, "").headers]).toEqual([]);
  expect(readPastedRequest(Array.from({ length: 500 }, (_, at) => `h${at}: v`).join("\n"), "").headers.size).toBe(100);
});
