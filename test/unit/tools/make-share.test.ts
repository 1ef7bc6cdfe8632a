import { expect, test } from "vitest";
import { describeShare, makeShare } from "../../../handlers/tools/create-share.ts";
import type { FastioShare, ShareWish } from "../../../src/fastio/types.ts";

const wish: ShareWish = {
  workspaceId: "1",
  customName: "relay-tool-x",
  title: "For our client",
  type: "send",
  access: "link",
  password: "open sesame",
};
const call = { isRepeat: false, signal: new AbortController().signal };

/** A Fast.io that tells this of every share. */
const telling = (share: FastioShare) => ({
  deleted: [] as string[],
  findShare: async () => undefined,
  createShare: async () => share,
  readShare: async () => share,
  async deleteShare(id: string) {
    this.deleted.push(id);
  },
});

test("what Fast.io does not tell of a share is told to its maker", async () => {
  const { share, doubts } = await makeShare(telling({ id: "4", access: "link" }), wish, call);
  const { message } = describeShare(share, { title: wish.title, access: wish.access, invited: [], doubts });
  expect(message).toMatch(/is ready\. Fast\.io does not tell whether the link asks for its password: try it\.$/);
});

test("a share that came out more open than asked for does not stay", async () => {
  const fastio = telling({ id: "4", access: "registered" });
  const narrow = { ...wish, access: "named", password: undefined } as const;
  await expect(makeShare(fastio, narrow, call)).rejects.toMatchObject({ code: "unsupported_here" });
  expect(fastio.deleted).toEqual(["4"]);
});
