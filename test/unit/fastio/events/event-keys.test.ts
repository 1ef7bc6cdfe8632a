import { describe, expect, test } from "vitest";
import { contentKey, eventKey } from "../../../../src/fastio/events/event-keys.ts";
import { normaliseOpaqueId, sameOpaqueId } from "../../../../src/fastio/opaque-id.ts";

const NODE = "26n2i-xygnf-vorvt-lhy3w-5laen-oybp";

describe("eventKey", () => {
  test("is short, safe as a job id and stable", () => {
    const key = eventKey({ id: "123", workspaceId: "1" });
    expect(key).toMatch(/^ev-[\w-]{22}$/);
    expect(eventKey({ id: "123", workspaceId: "1" })).toBe(key);
  });

  test("differs for the same id in another workspace, share or organisation", () => {
    const keys = [
      eventKey({ id: "e" }),
      eventKey({ id: "e", workspaceId: "1" }),
      eventKey({ id: "e", workspaceId: "2" }),
      eventKey({ id: "e", shareId: "1" }),
      eventKey({ id: "e", orgId: "1" }),
      eventKey({ id: "1e", workspaceId: "" }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("is one whether or not a channel tells the wider scope and hyphens", () => {
    const narrow = { id: NODE, workspaceId: "1" };
    const wide = { id: NODE.replaceAll("-", "").toUpperCase(), workspaceId: "1", orgId: "7" };
    expect(eventKey(wide)).toBe(eventKey(narrow));
    expect(eventKey({ id: "e", shareId: "5", workspaceId: "1" })).toBe(eventKey({ id: "e", shareId: "5" }));
  });
});

describe("contentKey", () => {
  const event = { type: "file.created", objectId: NODE, versionId: "v1", workspaceId: "1" } as const;
  test("is one for the same change under two event ids", () => {
    expect(contentKey(event)).toMatch(/^ct-[\w-]{22}$/);
    expect(contentKey({ ...event, objectId: NODE.replaceAll("-", "") })).toBe(contentKey(event));
  });

  test("differs with object, version, type and workspace", () => {
    const keys = [
      event,
      { ...event, objectId: "x" },
      { ...event, versionId: "v2" },
      { ...event, type: "file.deleted" as const },
      { ...event, workspaceId: "2" },
    ].map(contentKey);
    expect(new Set(keys).size).toBe(5);
  });

  test("needs object and version", () => {
    expect(contentKey({ ...event, versionId: undefined })).toBeUndefined();
    expect(contentKey({ ...event, objectId: undefined })).toBeUndefined();
  });
});

describe("opaque ids", () => {
  test("are the same with and without hyphens and in either case", () => {
    expect(normaliseOpaqueId(NODE)).toBe("26n2ixygnfvorvtlhy3w5laenoybp");
    expect(sameOpaqueId(NODE, "26N2IXYGNFVORVTLHY3W5LAENOYBP")).toBe(true);
    expect(sameOpaqueId(NODE, "37du7-l34yh-f3yjx-cz4nw-4uhfv-oexb")).toBe(false);
    expect(normaliseOpaqueId("f3jm5-zqzfx-pxdr2-dx8z5-bvnb3-rpjfm4")).toBe("f3jm5zqzfxpxdr2dx8z5bvnb3rpjfm4");
  });

  test.each([
    "1234567890123456789",
    "12345678901234567890",
    "root",
    "trash",
    "Evt-ABC-1",
    "My-Custom-Share-Name-2026",
    "msg_0001",
    "",
  ])("%j is none and stays as it is", (id) => {
    expect(normaliseOpaqueId(id)).toBe(id);
  });
});
