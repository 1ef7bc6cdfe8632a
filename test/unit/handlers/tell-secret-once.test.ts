import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { secretPrint } from "../../../handlers/take-delivery.ts";
import { tellSecretOnce } from "../../../handlers/tell-secret-once.ts";
import { openSecretFile } from "../../../src/disk/keep-secret.ts";

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

test("the secrets of other webhooks stay, and a file that is full is told before anything is made", async () => {
  const path = join(folder(), "secrets");
  const others = Array.from({ length: 9 }, (_, index) => `secret-of-webhook-${index}`);
  writeFileSync(path, others.join("\n"));
  await tellSecretOnce(path, make);
  expect(readFileSync(path, "utf8")).toBe(`${[SECRET, ...others].join(",")}\n`);
  let made = 0;
  const another = async () => {
    made += 1;
    return { id: "hook", secret: "another secret of Fast.io" };
  };
  await expect(tellSecretOnce(path, another)).rejects.toThrow(/holds 10 already/);
  expect(made).toBe(0);
});

test("what a killed process left behind is in nobody's way", async () => {
  const path = join(folder(), "secrets");
  const killed = await openSecretFile(path);
  onTestFinished(() => killed.abandon());
  expect(await tellSecretOnce(path, make)).toMatchObject({ file: path });
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
