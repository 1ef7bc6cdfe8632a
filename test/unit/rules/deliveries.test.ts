import { describe, expect, test } from "vitest";
import { ApiRefusal } from "../../../src/emulators/fastio/protocol/faults.ts";
import { readShareWish } from "../../../src/emulators/fastio/routes/share-settings.ts";
import { referenceForm } from "../../../src/fastio/client/share-form.ts";
import { endsLink, storageOfDelivery } from "../../../src/rules/delivery-storage.ts";
import { guideFaults } from "../../../src/rules/guide-faults.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";
import type { RuleDeliver } from "../../../src/rules/rule.ts";

function deliverOf(deliver: string): RuleDeliver {
  const [rule] = parseRules(
    `rules:\n  - name: a\n    when: { workspace: A }\n    deliver: { ${deliver} }\n`,
    "r.yaml",
  ).rules;
  if (!rule) throw new Error("no rule");
  return rule.deliver;
}

const isRefused = (work: () => unknown): boolean => {
  try {
    work();
    return false;
  } catch (error) {
    if (error instanceof ApiRefusal || (error instanceof Error && error.message.startsWith("r.yaml has"))) return true;
    throw error;
  }
};

const SHARES = ["send", "receive", "exchange"].flatMap((type) =>
  ["named", "org", "registered", "link"].flatMap((access) =>
    ["", ", storage: own", ", storage: folder"].flatMap((storage) =>
      ["", ", password: SECRET"].flatMap((password) =>
        ["", ", expires: 30d"].map(
          (expires) => `as: share, type: ${type}, access: ${access}${storage}${password}${expires}`,
        ),
      ),
    ),
  ),
);

test.each(SHARES)("{ %s }: what loads is what Fast.io takes", (written) => {
  const [type = "", access = ""] = [/type: (\w+)/, /access: (\w+)/].map((part) => part.exec(written)?.[1]);
  const asked = {
    storage: /storage: (\w+)/.exec(written)?.[1] as "own" | "folder" | undefined,
    expiresAfterMs: written.includes("expires") ? 1 : undefined,
  };
  const delivery = { as: "share", ...asked } as const;
  const wish = referenceForm({
    workspaceId: "1",
    customName: "relay-somebody",
    title: "Sales",
    type: type as RuleDeliver["type"],
    access: access as RuleDeliver["access"],
    password: written.includes("password") ? "open sesame" : undefined,
    expiresAtMs: asked.expiresAfterMs !== undefined && endsLink(delivery) === "fastio" ? 1_800_000_000_000 : undefined,
    folderNodeId: storageOfDelivery(delivery) === "folder" ? "2abc" : undefined,
  });
  const fields = new Map(Object.entries(wish).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
  expect(isRefused(() => deliverOf(written))).toBe(isRefused(() => readShareWish(fields)));
});

describe("what a rule does not say", () => {
  test.each([
    { written: "", folder: "/Relay outputs/{{ date }}", access: "link", storage: "folder" },
    { written: "expires: 30d", folder: "/Relay outputs/{{ date }}", access: "link", storage: "own", ends: "fastio" },
    { written: "expires: 30d, storage: folder", access: "link", storage: "folder", ends: "relay" },
    {
      written: "as: drop-off, invite: a@example.com",
      folder: "/project-{{ date }}",
      access: "named",
      storage: "folder",
    },
    { written: "as: drop-off, invite: a@example.com, expires: 7d", access: "named", storage: "folder", ends: "relay" },
    { written: "as: workspace", folder: "/Relay outputs/{{ date }}", storage: "folder" },
    { written: "as: file-share, expires: 7d", access: "link", storage: "folder", ends: "fastio" },
  ])("{ $written }", ({ written, folder, access, storage, ends }) => {
    const deliver = deliverOf(written);
    if (folder !== undefined) expect(deliver.folder).toBe(folder);
    if (access !== undefined) expect(deliver.access).toBe(access);
    expect(storageOfDelivery(deliver)).toBe(storage);
    if (ends !== undefined) expect(endsLink(deliver)).toBe(ends);
  });
});

test.each([
  { written: "as: workspace, invite: a@example.com", faults: ["deliver.invite: means nothing with as: workspace"] },
  {
    written: "as: workspace, password: SECRET, expires: 7d, type: receive",
    faults: [
      "deliver.password: means nothing with as: workspace",
      "deliver.expires: means nothing with as: workspace",
      "deliver.type: means nothing with as: workspace",
    ],
  },
  {
    written: "as: file-share, access: org, storage: own, outputs: [a, b]",
    faults: [
      'deliver.access: "org" is not possible with as: file-share',
      "deliver.storage: means nothing with as: file-share",
      "deliver.outputs: names more than one output, and a file share leads to one",
    ],
  },
])("{ $written } is refused with its reasons", ({ written, faults }) => {
  for (const fault of faults) expect(() => deliverOf(written)).toThrow(fault);
});

test.each([
  { written: "as: share", lacks: 0 },
  { written: "as: share, expires: 30d", lacks: 1 },
  { written: "as: share, expires: 30d, storage: folder", lacks: 0 },
  { written: "as: drop-off, invite: a@example.com", lacks: 0 },
  { written: "as: workspace", lacks: 0 },
  { written: "as: file-share", lacks: 1 },
])("a server of the guide lacks $lacks of what { $written } needs", ({ written, lacks }) => {
  expect(guideFaults(deliverOf(written))).toHaveLength(lacks);
});
