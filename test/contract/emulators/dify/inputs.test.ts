import { afterEach, expect, test } from "vitest";
import type { AppConfig } from "../../../../src/emulators/dify/apps.ts";
import { createEmulators, framesOf, post } from "./dify-calls.ts";

const { start, stop } = createEmulators();
afterEach(stop);

const APP: AppConfig = {
  key: "app-inputsinputsinputsinputs",
  inputs: [
    { variable: "text", type: "text-input", max_length: 3 },
    { variable: "long", type: "paragraph", max_length: 5 },
    { variable: "choice", type: "select", options: ["a", "b"] },
    { variable: "count", type: "number" },
    { variable: "flag", type: "checkbox" },
    { variable: "object", type: "json_object" },
    { variable: "endless", type: "text-input", max_length: 0 },
    { variable: "preset", type: "text-input", default: "as set" },
  ],
  work: async ({ inputs }) => ({ ...inputs }),
};

test.each([
  [{ text: 5 }, "(type 'text-input') text in input form must be a string"],
  [{ text: "four" }, "text in input form must be less than 3 characters"],
  [{ long: [] }, "(type 'paragraph') long in input form must be a string"],
  [{ long: "sixsix" }, "long in input form must be less than 5 characters"],
  [{ choice: "c" }, "choice in input form must be one of the following: ['a', 'b']"],
  [{ count: "many" }, "count in input form must be a valid number"],
  [{ count: "0x10" }, "count in input form must be a valid number"],
  [{ count: "1e3" }, "count in input form must be a valid number"],
  [{ object: [1] }, "object in input form must be a dict"],
  [{ object: "text" }, "object in input form must be a dict"],
])("%j is refused in words, alike in every profile", async (inputs, message) => {
  for (const profile of ["P1", "P2", "P3"] as const) {
    const emulator = await start({ profile, apps: [APP] });
    const answer = await post(emulator, "/workflows/run", { inputs, user: "u" }, APP.key);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ code: "invalid_param", message, status: 400 });
    expect(emulator.books().runs).toEqual([]);
  }
});

test("a number that is no number at all is a 500 in werkzeug's words", async () => {
  const emulator = await start({ apps: [APP] });
  const answer = await post(emulator, "/workflows/run", { inputs: { count: {} }, user: "u" }, APP.key);
  expect([answer.status, await answer.json()]).toEqual([
    500,
    {
      code: "internal_server_error",
      message:
        "The server encountered an internal error and was unable to complete your request. " +
        "Either the server is overloaded or there is an error in the application.",
      status: 500,
    },
  ]);
});

test.each([
  [{ count: "-1.5" }, { count: -1.5 }],
  [{ count: " " }, { count: null }],
  [{ flag: "Yes" }, { flag: true }],
  [{ flag: "off" }, { flag: false }],
  [{ flag: 1 }, { flag: true }],
  [{ text: "a\u0000b" }, { text: "ab" }],
  [{ object: { a: 1 } }, { object: { a: 1 } }],
  [{ text: "😀😀😀" }, { text: "😀😀😀" }],
  [{ endless: "as long as it is" }, { endless: "as long as it is" }],
  [{ preset: null }, { preset: "as set" }],
])("%j reaches the workflow as %j", async (inputs, seen) => {
  const emulator = await start({ apps: [APP] });
  const answer = await post(emulator, "/workflows/run", { inputs, user: "u" }, APP.key);
  expect(Object(await answer.json()).data).toMatchObject({ status: "succeeded", outputs: seen });
});

test("what is not declared never reaches it", async () => {
  const emulator = await start({ apps: [APP] });
  const body = { inputs: { text: "a", other: "b" }, user: "u", response_mode: "streaming" };
  const frames = framesOf(await (await post(emulator, "/workflows/run", body, APP.key)).text());
  expect(frames[0]?.data["inputs"]).toMatchObject({ text: "a" });
  expect(frames[0]?.data["inputs"]).not.toHaveProperty("other");
});
