import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { MultipartError, readMultipart } from "../../../../src/emulators/kit/multipart.ts";

/** Sends a body over a real socket and tells what the reader made of it. */
async function roundTrip<T>(
  body: FormData | string,
  read: (request: IncomingMessage) => Promise<T>,
  type?: string,
): Promise<T> {
  const outcomes: Promise<T>[] = [];
  const server = createServer((request, response) => {
    const outcome = read(request);
    outcomes.push(outcome);
    void outcome.catch(() => undefined).then(() => response.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const headers = type === undefined ? {} : { "content-type": type };
  try {
    await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body, headers });
    const [outcome] = await Promise.all(outcomes);
    if (outcome === undefined) throw new Error("the request never arrived");
    return outcome;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const keepText = async (
  part: { filename: string | undefined; mimeType: string },
  bytes: AsyncIterable<Uint8Array>,
) => ({
  ...part,
  content: await text(bytes),
});

test("fields and files arrive as sent, names in UTF-8", async () => {
  const form = new FormData();
  form.append("user", "relay-ü");
  form.append("file", new File(["a,b\n"], "Übersicht.csv", { type: "text/csv" }));
  const result = await roundTrip(form, (request) => readMultipart(request, { onFile: keepText }));
  expect(result.fields).toEqual([{ name: "user", value: "relay-ü" }]);
  expect(result.files).toEqual([{ field: "file", filename: "Übersicht.csv", mimeType: "text/csv", content: "a,b\n" }]);
});

test.each([
  { code: "unexpected_field", names: ["user", "usr"] },
  { code: "repeated_field", names: ["user", "user"] },
])("$code is told when only certain fields may occur", async ({ code, names }) => {
  const form = new FormData();
  for (const name of names) form.append(name, "x");
  const failure = roundTrip(form, (request) => readMultipart(request, { onFile: keepText, allowed: ["user"] }));
  await expect(failure).rejects.toMatchObject({ code });
});

test("a body that is no form is told apart from a form cut short", async () => {
  const read = (request: IncomingMessage) => readMultipart(request, { onFile: keepText });
  await expect(roundTrip("{}", read, "application/json")).rejects.toMatchObject({ code: "not_multipart" });
  const cut = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf';
  await expect(roundTrip(cut, read, "multipart/form-data; boundary=b")).rejects.toMatchObject({ code: "malformed" });
});

test("a failing file reader fails the form, and the rest is still read", async () => {
  const form = new FormData();
  form.append("file", new File([new Uint8Array(3_000_000)], "large.bin"));
  form.append("user", "after");
  const failure = roundTrip(form, (request) =>
    readMultipart(request, { onFile: () => Promise.reject(new MultipartError("malformed", "no")) }),
  );
  await expect(failure).rejects.toThrow("no");
});
