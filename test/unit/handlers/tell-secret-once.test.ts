import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { secretPrint } from "../../../handlers/take-delivery.ts";
import { tellSecretOnce } from "../../../handlers/tell-secret-once.ts";

const SECRET = "whsec_a-new-secret-of-Fast.io";
const make = async () => ({ id: "hook", secret: SECRET });

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "relay-secret-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

test("a secret is kept in the file and not told, or told and not kept", async () => {
  const path = join(folder(), "secrets");
  writeFileSync(path, "older,oldest\n");
  const print = secretPrint(SECRET);
  expect(await tellSecretOnce(path, make)).toEqual({ id: "hook", print, secret: null, file: path });
  expect(readFileSync(path, "utf8")).toBe(`${SECRET},older,oldest\n`);
  expect(await tellSecretOnce(undefined, make)).toEqual({ id: "hook", print, secret: SECRET, file: null });
});

test("nothing is made when the file cannot be written, and nothing is kept when nothing was made", async () => {
  let made = 0;
  const count = async () => {
    made += 1;
    return make();
  };
  await expect(tellSecretOnce(join(folder(), "missing", "secrets"), count)).rejects.toMatchObject({
    code: "usage_invalid",
  });
  expect(made).toBe(0);
  const path = join(folder(), "secrets");
  writeFileSync(path, "older\n");
  const failing = async () => {
    throw new Error("refused");
  };
  await expect(tellSecretOnce(path, failing)).rejects.toThrow("refused");
  expect(await tellSecretOnce(path, async () => ({ id: "hook" }))).toMatchObject({ print: null, secret: null });
  expect(readFileSync(path, "utf8")).toBe("older\n");
});

test("a secret that the file cannot take any more is told: the webhook signs with it already", async () => {
  const parent = folder();
  const path = join(parent, "secrets");
  const takenAway = async () => {
    rmSync(parent, { recursive: true });
    return make();
  };
  expect(await tellSecretOnce(path, takenAway)).toMatchObject({ secret: SECRET, file: null });
});
