import { expect, test } from "vitest";
import { deriveRunId, difyUserOf, shareNameOf } from "../../src/run-id.ts";

const OF = { rule: "read-new-files", nodeId: "node", versionId: "v1" };

test("the same rule, node and version make the same run, in every release", () => {
  expect(deriveRunId(OF)).toBe(deriveRunId({ ...OF }));
  // Written down, because a change of the derivation would run everything a second time.
  expect(deriveRunId(OF)).toBe("r5mog3dco4i6ftbxuayu");
});

test("another rule, node or version makes another run, also where the texts run into each other", () => {
  const ids = [
    OF,
    { ...OF, rule: "another" },
    { ...OF, nodeId: "nod" },
    { ...OF, nodeId: "nodev", versionId: "1" },
    { ...OF, versionId: "v2" },
    { ...OF, versionId: undefined },
    { ...OF, nodeId: 'node","v1' },
  ].map(deriveRunId);
  expect(new Set(ids).size).toBe(ids.length);
});

test("a run id fits a job id, a user name, a share's name and an address", () => {
  for (let index = 0; index < 500; index++) {
    const id = deriveRunId({ ...OF, nodeId: `node-${index}` });
    expect(id).toMatch(/^r[a-z2-7]{19}$/);
    expect(difyUserOf(id)).toMatch(/^relay-[a-z0-9]+$/);
    expect(shareNameOf(id)).toMatch(/^relay-[a-z0-9]+$/);
  }
});
