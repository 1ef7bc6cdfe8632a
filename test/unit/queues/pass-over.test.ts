import { expect, test } from "vitest";
import { createListened } from "../../../queues/events/listened-by.ts";
import { createPassOver } from "../../../queues/events/pass-over.ts";
import { createOwnOutputs } from "../../../queues/own-outputs.ts";

const NODE = "2abcdefghijabcdefghijabcdefghi";
const LISTENED = { types: ["file.created", "file.moved"], notOwn: ["file.created"], selfUserId: undefined };

const ownOutputs = createOwnOutputs();
ownOutputs.note(NODE, "a.csv");
const passOver = createPassOver({ listened: () => LISTENED, ownOutputs });

test.each([
  ["a type that no rule listens to", "folder.created", null, { drop: "no_listener" }],
  ["the file just placed, however its id is spelt", "file.created", NODE.toUpperCase(), { fileName: "a.csv" }],
])("%s is passed over", (_, type, objectId, expected) => {
  expect(passOver({ type, objectId })).toMatchObject(expected);
});

test.each([
  ["a file of somebody else", "file.created", "2other"],
  ["a file nobody names", "file.created", null],
  ["the file just placed, where some rule takes what the relay brings", "file.moved", NODE],
  ["an access to what may have been delivered", "file.accessed", NODE],
  ["who was let in", "member.added", null],
  ["what has no type", "", NODE],
])("%s is looked at", (_, type, objectId) => {
  expect(passOver({ type, objectId })).toBeUndefined();
});

test("what rules listen to is worked out once for the rules in force, and anew for others or another user", () => {
  let [rules, self]: [[], string | undefined] = [[], undefined];
  const listened = createListened(
    () => rules,
    () => self,
  );
  const first = listened();
  expect(listened()).toBe(first);
  self = "4711";
  expect(listened()).toEqual({ types: [], notOwn: [], selfUserId: "4711" });
  const second = listened();
  rules = [];
  expect(listened()).not.toBe(second);
});
