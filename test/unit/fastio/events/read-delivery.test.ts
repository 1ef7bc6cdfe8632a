import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EventContext } from "../../../../src/fastio/events/normalise-event.ts";
import { readDelivery } from "../../../../src/fastio/events/read-delivery.ts";
import { bodyA, bodyB, bodyC, bodyU } from "../signatures/vectors.ts";

const RECEIVED_AT_MS = Date.UTC(2026, 0, 1, 0, 0, 2);
const JANUARY_MS = Date.UTC(2026, 0, 1);
const context: EventContext = { receivedAtMs: RECEIVED_AT_MS, source: "webhook" };
const WORKSPACE = "1234567890123456789";
const NODE = "f3jm5-zqzfx-pxdr2-dx8z5-bvnb3-rpjf";

const read = (body: unknown, more: Partial<EventContext> = {}) =>
  readText(typeof body === "string" ? body : JSON.stringify(body), more);
const readText = (text: string, more: Partial<EventContext> = {}) =>
  readDelivery(new TextEncoder().encode(text), { ...context, ...more });

/** The one event of a delivery. */
const readOne = (body: unknown, more: Partial<EventContext> = {}) => {
  const reading = body instanceof Uint8Array ? readDelivery(body, { ...context, ...more }) : read(body, more);
  if (reading.kind !== "events") throw new Error(JSON.stringify(reading));
  const [event] = reading.events;
  if (event === undefined || reading.events.length > 1) throw new Error(`${reading.events.length} events`);
  return event;
};

describe("one event", () => {
  test("dotted (P1)", () => {
    expect(readOne(bodyA)).toEqual({
      id: "evt_0001",
      idIsDerived: false,
      source: "webhook",
      rawType: "file.uploaded",
      type: "file.created",
      occurredAtMs: JANUARY_MS,
      receivedAtMs: RECEIVED_AT_MS,
      workspaceId: WORKSPACE,
      objectKind: "file",
      objectId: NODE,
      versionId: "v1",
      actorUserId: "2233445566778899001",
      raw: new TextDecoder().decode(bodyA),
    });
  });

  test("reference names (P2)", () => {
    expect(readOne(bodyB)).toMatchObject({
      id: "abcde-00001",
      rawType: "workspace_storage_file_added",
      type: "file.created",
      occurredAtMs: JANUARY_MS,
      workspaceId: WORKSPACE,
      objectId: NODE,
      objectKind: "file",
    });
  });

  test("camel case (P3)", () => {
    expect(readOne(bodyC)).toMatchObject({
      id: "evt-abc123",
      rawType: "upload",
      type: "file.created",
      occurredAtMs: JANUARY_MS,
      workspaceId: WORKSPACE,
      objectId: "f3jm5-zqzfx-pxdr2-dx8z5-bvnb3-rpjfm4",
      name: "report.pdf",
      size: 2048,
      actorUserId: "2233445566778899001",
    });
  });

  test("without ids, with a name beyond ASCII", () => {
    const event = readOne(bodyU, { signedAtMs: JANUARY_MS });
    expect(event).toMatchObject({
      idIsDerived: true,
      type: "file.created",
      name: "Bericht ü – 報告.pdf",
      occurredAtMs: JANUARY_MS,
      objectId: undefined,
    });
    expect(event.id).toMatch(/^derived-[\w-]{22}$/);
  });

  test("row of the changes feed (P9)", () => {
    const row = {
      event_id: "e-1",
      event: "share_storage_file_updated",
      profile_id: "42",
      profile_type: "share",
      object_id: NODE,
      created: "2026-01-01 00:00:00 UTC",
    };
    expect(readOne(row, { source: "changes" })).toMatchObject({
      source: "changes",
      type: "file.version_added",
      shareId: "42",
      workspaceId: undefined,
      objectId: NODE,
    });
    expect(readOne({ ...row, profile_type: "workspace" })).toMatchObject({ workspaceId: "42", shareId: undefined });
    expect(readOne({ ...row, profile_type: "org" })).toMatchObject({ orgId: "42", workspaceId: undefined });
    expect(readOne({ ...row, profile_type: "user" })).toMatchObject({ orgId: undefined, workspaceId: undefined });
  });

  test("row of event search (P10), whose actor is not its user", () => {
    const row = {
      event_id: "e-1",
      event: "workspace_storage_file_sync_added",
      category: "workspace",
      object_id: NODE,
      created: "2026-01-01 00:00:00 UTC",
      sub_category: "storage",
      org_id: "7",
      workspace_id: WORKSPACE,
      user_id: "2",
      calling_user: { id: "3" },
      acknowledged: false,
    };
    expect(readOne(row, { source: "search" })).toMatchObject({ type: "file.created", orgId: "7", actorUserId: "3" });
    expect(readOne({ ...row, calling_user: "4" })).toMatchObject({ actorUserId: "4" });
    expect(readOne({ ...row, calling_user: undefined })).toMatchObject({ actorUserId: "2" });
  });

  test("wrapped in id, type, created, data (P12)", () => {
    const body = {
      id: "msg_1",
      type: "file.uploaded",
      created: 1767225600,
      data: {
        id: NODE,
        type: "note",
        name: "a.pdf",
        version: "3abc",
        size: "12",
        mimetype: "application/pdf",
        parent: "root",
        created: "2020-05-05 00:00:00 UTC",
        workspace: { id: `ws_${WORKSPACE}` },
        actor: { id: "9" },
      },
    };
    expect(readOne(body)).toMatchObject({
      id: "msg_1",
      type: "file.created",
      occurredAtMs: JANUARY_MS,
      objectId: NODE,
      objectKind: "note",
      versionId: "3abc",
      name: "a.pdf",
      size: 12,
      mimeType: "application/pdf",
      parentId: "root",
      workspaceId: WORKSPACE,
      actorUserId: "9",
    });
  });

  test.each([
    [
      "in event",
      { event: { id: "e", type: "file.deleted", timestamp: 1767225600000 }, file: { id: NODE, version: 3 } },
    ],
    [
      "in payload",
      {
        payload: {
          event_id: "e",
          event: "file.deleted",
          fileId: NODE,
          versionId: "3",
          timestamp: "2026-01-01T01:00:00+01:00",
        },
      },
    ],
    [
      "in data",
      { data: { id: "e", event: "delete", object: { id: NODE, version: "3" }, created: "2026-01-01T00:00:00" } },
    ],
    ["around an object", { id: "e", type: "file.deleted", created_at: "1767225600", object: { id: NODE, version: 3 } }],
    [
      "in an activity key",
      { id: "e", type: "file.deleted", created: "2026-01-01", object_id: `storage:${NODE}`, version_id: "3" },
    ],
  ])("%s", (_, body) => {
    expect(readOne(body)).toMatchObject({
      id: "e",
      type: "file.deleted",
      objectId: NODE,
      versionId: "3",
      occurredAtMs: JANUARY_MS,
    });
  });

  test("the version of the payload's format is not the file's", () => {
    expect(
      readOne({ version: "1.0", type: "file.updated", id: "e", data: { fileId: NODE } }).versionId,
    ).toBeUndefined();
  });

  test("an unknown event is kept as other under its own name", () => {
    const event = readOne({ event: "workspace_storage_note_added", event_id: "e", object_id: NODE });
    expect(event).toMatchObject({ type: "other", rawType: "workspace_storage_note_added", objectKind: "note" });
  });

  test("a PHP list where an empty object was meant is no batch", () => {
    expect(readOne({ event: "file.uploaded", event_id: "e", data: [] })).toMatchObject({
      id: "e",
      type: "file.created",
    });
  });

  test("what tells no time happened when it was signed, else when it came", () => {
    const body = { event: "file.uploaded", created: "soon", timestamp: -1 };
    expect(readOne(body, { signedAtMs: 5 }).occurredAtMs).toBe(5);
    expect(readOne(body).occurredAtMs).toBe(RECEIVED_AT_MS);
  });
});

describe("ids", () => {
  test("beyond 2^53 keep every digit", () => {
    const text = `{"event":"file.uploaded","event_id":9007199254740993,"workspace_id":1234567890123456789,"user_id":-98765432109876543210,
      "file_id":123,"name":"12345678901234567890 \\" 12345678901234567890","list":[1234567890123456789,9007199254740991,1.5e300]}`;
    const event = readOne(text);
    expect(event).toMatchObject({
      id: "9007199254740993",
      workspaceId: "1234567890123456789",
      actorUserId: "-98765432109876543210",
      objectId: "123",
      name: '12345678901234567890 " 12345678901234567890',
    });
    expect(JSON.parse(event.raw)).toMatchObject({ list: ["1234567890123456789", 9007199254740991, 1.5e300] });
  });

  test("an event without one takes that of the delivery, each member of a batch its own", () => {
    const more = { deliveryHeaderId: "d-1" };
    expect(readOne({ event: "file.uploaded" }, more)).toMatchObject({ id: "d-1", idIsDerived: false });
    const reading = read([{ event: "file.uploaded" }, { event: "file.uploaded", event_id: "e" }], more);
    expect(reading).toMatchObject({ events: [{ id: "d-1.0" }, { id: "e" }] });
  });

  test("a derived one is stable for a repeat and differs with what happened", () => {
    const body = {
      event: "file.uploaded",
      file_id: NODE,
      version: "1",
      workspace_id: "1",
      created: "2026-01-01 00:00:00 UTC",
    };
    const { id } = readOne(body);
    expect(readOne({ ...body, attempt: 2 }, { receivedAtMs: RECEIVED_AT_MS + 5000 }).id).toBe(id);
    const changes = [
      { event: "file.deleted" },
      { file_id: "x" },
      { version: "2" },
      { workspace_id: "2" },
      { created: 1767225601 },
    ];
    const ids = changes.map((change) => readOne({ ...body, ...change }).id);
    expect(new Set([id, ...ids]).size).toBe(changes.length + 1);
  });

  test.each([
    ["too long an event id", { event_id: "e".repeat(201) }],
    ["a control character in the event id", { event_id: "e\u0000" }],
    ["half a surrogate pair in the event id", { event_id: "e\ud800" }],
    ["a line break in the version", { version: "1\n2" }],
    ["too long a file id", { file_id: "f".repeat(201) }],
    ["a path in the file id", { file_id: "../../user" }],
    ["a parent path as file id", { file_id: ".." }],
    ["an escaped path in the file id", { file_id: "a%2fb" }],
    ["a query in the workspace id", { workspace_id: "1?x=1" }],
    ["an empty workspace id after ws_", { workspace_id: "ws_" }],
    ["too long a user id", { user_id: "u".repeat(201) }],
    ["a type of 201 characters", { event: "e".repeat(201) }],
    ["a control character in the type", { event: "file.\u0007uploaded" }],
  ])("%s makes the event malformed", (_, change) => {
    const body = { event: "file.uploaded", event_id: "e", file_id: NODE, version: "1", workspace_id: "1", ...change };
    expect(read(body)).toMatchObject({ kind: "malformed" });
  });

  test.each([[null], [""], ["  "], [true], [1.5], [{}], [[]]])("an event id of %j counts as none", (event_id) => {
    expect(readOne({ event: "file.uploaded", event_id })).toMatchObject({ idIsDerived: true });
  });
});

describe("batches", () => {
  const members = [
    { event: "file.uploaded", event_id: "e1", object_id: NODE },
    { event: "ping" },
    "nonsense",
    { event: "file.deleted", event_id: "e2", object_id: NODE },
    { event_id: "e3" },
  ];
  test.each([
    ["a list", members],
    ["events", { events: members }],
    ["data", { data: members }],
    ["deliveries", { deliveries: members }],
  ])("%s gives its good events and says which are bad", (_, body) => {
    expect(read(body)).toMatchObject({
      kind: "events",
      events: [{ id: "e1" }, { id: "e2", type: "file.deleted" }],
      rejected: [
        { index: 2, reason: "not an object" },
        { index: 4, reason: "no event type" },
      ],
    });
  });

  test("members take scope, time and type from what is around them, never its id", () => {
    const body = {
      id: "b",
      type: "file.uploaded",
      workspace_id: "1",
      created: 1767225600,
      data: [{ file_id: "x" }, { file_id: "y", workspace_id: "2" }],
    };
    const reading = read(body);
    expect(reading).toMatchObject({
      events: [
        { type: "file.created", workspaceId: "1", objectId: "x", occurredAtMs: JANUARY_MS, idIsDerived: true },
        { type: "file.created", workspaceId: "2", objectId: "y", occurredAtMs: JANUARY_MS, idIsDerived: true },
      ],
    });
  });

  test("an empty one is no events", () => {
    for (const body of [[], { events: [] }, { data: [] }]) {
      expect(read(body)).toEqual({ kind: "events", events: [], rejected: [] });
    }
  });

  test("1,000 events pass, one more does not", () => {
    const many = (length: number) =>
      Array.from({ length }, (_, index) => ({ event: "file.uploaded", event_id: `e${index}` }));
    const reading = read(many(1000));
    expect(reading.kind === "events" && reading.events.length).toBe(1000);
    expect(read({ events: many(1001) })).toEqual({ kind: "malformed", reason: "more than 1000 events" });
  });

  test("with nothing readable is malformed as a whole", () => {
    expect(read([1, "two", null])).toEqual({ kind: "malformed", reason: "event 0: not an object" });
    expect(read([[{ event: "file.uploaded" }]])).toMatchObject({ kind: "malformed" });
  });
});

test.each([
  [{ event: "ping" }],
  [{ type: "webhook.test", data: { hello: 1 } }],
  [{ eventType: "TEST" }],
  [{ test: true }],
  [[{ event: "ping" }]],
])("%j is a ping", (body) => {
  expect(read(body)).toEqual({ kind: "ping" });
});

describe("hostile bodies", () => {
  test.each([
    ["empty", "", "empty"],
    ["blank", " \n ", "empty"],
    ["cut", '{"event":"file.uploaded"', "not JSON"],
    ["two values", "{}{}", "not JSON"],
    ["a number where a key must be", '{"event":"x",12345678901234567890:1}', "not JSON"],
    ["an endless string", `{"event":"${"x".repeat(1000)}`, "not JSON"],
    ["a string that ends in a backslash", '{"event":"\\', "not JSON"],
    ["null", "null", "neither an object nor a list"],
    ["a string", '"file.uploaded"', "neither an object nor a list"],
    ["a long number", "12345678901234567890", "neither an object nor a list"],
    ["nothing said", "{}", "no event type"],
    ["only a file's name", '{"name":"report.pdf"}', "no event type"],
    ["100,000 lists in each other", "[".repeat(100_000) + "]".repeat(100_000), "nested deeper than 64"],
    ["100,000 objects in each other", `${'{"data":'.repeat(100_000)}1${"}".repeat(100_000)}`, "nested deeper than 64"],
    ["100,000 lists never closed", "[".repeat(100_000), "nested deeper than 64"],
    ["a bomb inside an event", `{"event":"ping","x":${"[".repeat(64)}${"]".repeat(64)}}`, "nested deeper than 64"],
  ])("%s is malformed", (_, text, reason) => {
    expect(readText(text)).toEqual({ kind: "malformed", reason });
  });

  test("brackets inside strings are not depth", () => {
    expect(readOne({ event: "file.uploaded", name: `${'["{'.repeat(1000)}\\` }).type).toBe("file.created");
  });

  test("bytes that are not UTF-8 are malformed, a byte order mark is not", () => {
    const notUtf8 = { kind: "malformed", reason: "not UTF-8" };
    expect(readDelivery(Uint8Array.of(0x22, 0xff, 0x22), context)).toEqual(notUtf8);
    expect(readDelivery(Uint8Array.of(0xff, 0xfe, 0x7b, 0x00), context)).toEqual(notUtf8);
    expect(readDelivery(bodyU.slice(0, -10), context)).toEqual(notUtf8);
    expect(readDelivery(Uint8Array.of(0xef, 0xbb, 0xbf, ...bodyA), context)).toMatchObject({ kind: "events" });
  });

  test("names of prototype members are fields like others", () => {
    const text = `{"__proto__":{"event":"file.deleted","file_id":"polluted"},"constructor":{"prototype":{"x":1}},
      "hasOwnProperty":1,"toString":null,"event":"file.uploaded","event_id":"e","data":{"__proto__":{"file_id":"polluted"}}}`;
    expect(readOne(text)).toMatchObject({ id: "e", type: "file.created", objectId: undefined });
    expect(readOne('{"event":"__proto__"}')).toMatchObject({ type: "other" });
    expect(readOne('{"event":"constructor"}')).toMatchObject({ type: "other" });
    expect(readText('{"__proto__":{"event":"file.deleted"}}')).toMatchObject({ kind: "malformed" });
    expect({}).not.toHaveProperty("x");
    expect({}).not.toHaveProperty("file_id");
  });

  test("what a database refuses in text is replaced", () => {
    const event = readOne(
      String.raw`{"event":"file.uploaded","name":"a\u0000b\ud800c","note":"\\u0000 \u0000 \udc00 \ud83d\ude00"}`,
    );
    expect(event.name).toBe("a\ufffdb\ufffdc");
    expect(JSON.parse(event.raw)).toMatchObject({ name: "a\ufffdb\ufffdc", note: "\\u0000 \ufffd \ufffd 😀" });
  });

  test("an event that is too large to keep is kept as its length", () => {
    const event = readOne({ event: "file.uploaded", blob: "x".repeat(70_000) });
    expect(JSON.parse(event.raw)).toEqual({ omitted: expect.stringMatching(/^700\d\d characters$/) });
  });

  test("details that make no sense are left out", () => {
    const body = { event: "file.uploaded", name: "n".repeat(1025), size: -1, mimetype: "text/\nplain", version: {} };
    const nothing = { name: undefined, size: undefined, mimeType: undefined, versionId: undefined };
    expect(readOne(body)).toMatchObject(nothing);
  });

  const key = fc.constantFrom(
    "event",
    "event_id",
    "id",
    "type",
    "data",
    "events",
    "object",
    "payload",
    "file",
    "name",
    "created",
    "size",
    "workspace",
    "__proto__",
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.jsonValue(),
      fc.constantFrom("ping", "file.uploaded", 1e17),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(key, tie("value")),
    ),
  }));

  test("no JSON makes it throw, and what it gives can be stored", () => {
    fc.assert(
      fc.property(value, (body) => {
        const reading = read(JSON.stringify(body) ?? "");
        for (const event of reading.kind === "events" ? reading.events : []) {
          expect(event.id.length).toBeGreaterThan(0);
          expect(Number.isSafeInteger(event.occurredAtMs)).toBe(true);
          const { raw, ...fields } = event;
          expect(JSON.stringify([fields, JSON.parse(raw)])).not.toMatch(/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("no bytes make it throw", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (body) => void readDelivery(body, context)));
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\-0123456789.eE x') }), (text) => void readText(text)),
    );
  });
});
