import { once } from "node:events";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import busboy from "busboy";
import { describe, expect, test } from "vitest";
import { multipartBody } from "../../../src/http/multipart.ts";

type Parsed = { fields: Record<string, string>; file?: { field: string; name: string; type: string; bytes: Buffer } };

/** Reads a form the way a server does. */
async function parse(headers: Record<string, string>, body: Readable): Promise<Parsed> {
  const parsed: Parsed = { fields: {} };
  const reader = busboy({ headers, defParamCharset: "utf8", preservePath: true });
  const files: Promise<void>[] = [];
  reader.on("field", (name, value) => {
    parsed.fields[name] = value;
  });
  reader.on("file", (field, stream, info) => {
    files.push(
      buffer(stream).then((bytes) => {
        parsed.file = { field, name: info.filename ?? "", type: info.mimeType, bytes };
      }),
    );
  });
  body.pipe(reader);
  await once(reader, "close");
  await Promise.all(files);
  return parsed;
}

const file = (body: Readable, size?: number) => ({ field: "file", name: "a.txt", mimeType: "text/plain", size, body });

describe("multipartBody", () => {
  test.each([0, 1, 65_536, 200_001])("carries fields and a file of %d bytes, length told before", async (size) => {
    const bytes = Buffer.alloc(size, "x");
    const { headers, body } = multipartBody({
      fields: { user: "relay-1", note: "Grüße\r\nzwei" },
      file: file(Readable.from(size === 0 ? [] : [bytes]), size),
    });
    const whole = await buffer(body);
    expect(Number(headers["content-length"])).toBe(whole.length);
    const form = await parse(headers, Readable.from([whole]));
    expect(form.fields).toEqual({ user: "relay-1", note: "Grüße\r\nzwei" });
    expect(form.file?.bytes.equals(bytes)).toBe(true);
  });

  test("leaves the length away when the size is unknown", async () => {
    const { headers, body } = multipartBody({ fields: {}, file: file(Readable.from([Buffer.from("abc")])) });
    expect(headers["content-length"]).toBeUndefined();
    expect((await parse(headers, body)).file?.bytes.toString()).toBe("abc");
  });

  test.each(['say "hi".txt', "back\\slash.txt", "Müller 漢字 🙂.pdf", "semi;colon=.txt"])(
    "keeps the name %s whole",
    async (name) => {
      const { headers, body } = multipartBody({ fields: {}, file: { ...file(Readable.from([])), name } });
      expect((await parse(headers, body)).file?.name).toBe(name);
    },
  );

  test("a name cannot smuggle in a header", async () => {
    const { body } = multipartBody({ fields: {}, file: { ...file(Readable.from([])), name: 'a"\r\nx-evil: 1' } });
    expect((await buffer(body)).toString()).not.toMatch(/^x-evil/m);
  });

  test.each([
    { what: "shorter", size: 4 },
    { what: "longer", size: 2 },
  ])("fails when the file is $what than announced", async ({ size }) => {
    const { body } = multipartBody({ fields: {}, file: file(Readable.from([Buffer.from("abc")]), size) });
    await expect(buffer(body)).rejects.toMatchObject({ code: "download_changed", retryable: true });
  });

  test("hands on the failure of its source", async () => {
    const source = new Readable({
      read() {
        this.destroy(new Error("disk"));
      },
    });
    await expect(buffer(multipartBody({ fields: {}, file: file(source) }).body)).rejects.toThrow("disk");
  });

  test("destroys a silent source at once when it is destroyed itself", async () => {
    const source = new PassThrough();
    const { body } = multipartBody({ fields: {}, file: file(source) });
    body.once("data", () => {});
    await once(body, "data");
    body.destroy();
    await once(source, "close");
    expect(source.destroyed).toBe(true);
  });

  test("does not read ahead of its reader", async () => {
    let made = 0;
    const source = new Readable({
      read() {
        made += 1;
        this.push(made > 1_000 ? null : Buffer.alloc(64 * 1024));
      },
    });
    const { body } = multipartBody({ fields: {}, file: file(source) });
    body.once("readable", () => {});
    await once(body, "readable");
    await new Promise((resolve) => setImmediate(resolve));
    expect(made).toBeLessThan(10);
    body.destroy();
  });
});
