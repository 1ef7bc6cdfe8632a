import { expect, onTestFinished, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS } from "../../src/emulators/fastio/defaults.ts";
import { startFastioEmulator } from "../../src/emulators/fastio/start.ts";
import { runInProcess } from "../support/cli-context.ts";

test("offers are made, listed without their links, limited to five in plain words, and taken back", async () => {
  const fastio = await startFastioEmulator();
  onTestFinished(fastio.close);
  const environment = { FASTIO_API_URL: fastio.apiUrl, FASTIO_API_KEY: FASTIO_EMULATOR_DEFAULTS.relayKey };
  const transfer = (...args: string[]) => runInProcess(["transfer", ...args], environment);
  const tokens = [];
  for (let count = 1; count <= 4; count += 1) {
    const response = await fetch(`${fastio.apiUrl}/org/${FASTIO_EMULATOR_DEFAULTS.orgId}/transfer/token/create/`, {
      method: "POST",
      headers: { authorization: `Bearer ${FASTIO_EMULATOR_DEFAULTS.relayKey}` },
    });
    tokens.push(((await response.json()) as { readonly token: string }).token);
  }
  const fifth = await transfer("create");
  expect(fifth).toMatchObject({ code: 0, stdout: expect.stringMatching(/\/claim\?token=\w{64}\n.*told this once/) });
  tokens.push(/token=(\w{64})/.exec(fifth.stdout)?.[1] ?? "");

  const sixth = await transfer("create", "--org", FASTIO_EMULATOR_DEFAULTS.orgDomain);
  expect(sixth).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/5 transfers are running already/),
  });
  expect(sixth.stderr).toContain("Delete one of the running transfers");

  const listed = (await transfer("list", "--json")).stdout;
  for (const token of tokens) expect(listed).not.toContain(token);
  const offers = listed
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly id: string });
  expect(offers).toHaveLength(5);
  expect(await transfer("delete", offers[0]?.id ?? "")).toMatchObject({ code: 0 });
});
