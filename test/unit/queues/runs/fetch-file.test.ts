import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { type FetchFileDeps, fetchFile } from "../../../../queues/runs/fetch-file.ts";
import { wholeRun } from "../../../../src/ledger/insert-runs.ts";
import { runNamed } from "../../../integration/ledger/intakes.ts";

const FILE = { nodeId: "2a", versionId: "3a", name: "a.txt", size: 5, mimeType: "text/plain" };
const desk = { run: wholeRun(runNamed("r1")), signal: new AbortController().signal };

/** @param told bytes that the answer says it has @param newest bytes that the file has by now */
function upstreams(told: number | undefined, newest: number) {
  const taken: (number | undefined)[] = [];
  const deps: FetchFileDeps = {
    fastio: {
      openDownload: async () => ({ body: Readable.from(["12345"]), ...(told === undefined ? {} : { size: told }) }),
      readNodes: async () => ({
        nodes: [{ id: "2a", kind: "file", name: "a.txt", parentId: "root", deleted: false, size: newest }],
        missing: [],
      }),
    },
    dify: {
      uploadFile: async ({ size }) => {
        taken.push(size);
        return { id: "up-1", extension: "txt", size: size ?? 0 };
      },
    },
  };
  return { deps, taken };
}

test.each([
  { what: "what has the file's length", told: 5, newest: 5, sent: 5 },
  { what: "what does not tell its length, with the file's", told: undefined, newest: 5, sent: 5 },
  { what: "its newest version from a server that knows no others", told: 7, newest: 7, sent: 7 },
])("$what goes to Dify", async ({ told, newest, sent }) => {
  const { deps, taken } = upstreams(told, newest);
  await expect(fetchFile(deps, desk, FILE)).resolves.toBe("up-1");
  expect(taken).toEqual([sent]);
});

test("a page in place of the file does not", async () => {
  const { deps, taken } = upstreams(18, 5);
  await expect(fetchFile(deps, desk, FILE)).rejects.toMatchObject({ code: "download_changed", retryable: true });
  expect(taken).toEqual([]);
});
