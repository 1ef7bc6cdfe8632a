import { describe, expect, test } from "vitest";
import { eventKey } from "../../../../src/fastio/events/event-keys.ts";
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
