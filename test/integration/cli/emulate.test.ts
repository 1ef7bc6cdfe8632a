import { expect, test, vi } from "vitest";
import { emulate } from "../../../src/cli/emulate.ts";
import { cliContext } from "../../support/cli-context.ts";
import { SOON } from "../../support/soon.ts";

/** Runs an emulated Dify until its first words are there and `look` has seen them. */
async function withDify(json: boolean, look: (words: string) => Promise<void> | void): Promise<void> {
  const leave = new AbortController();
  const { context, told } = cliContext({}, { signal: leave.signal });
  const left = emulate(context, "dify", { port: 0, timeScale: 1, quiet: true, json });
  await vi.waitFor(() => expect(told.lines.join("\n")).toMatch(/\S/), SOON);
  try {
    await look(told.lines.join("\n"));
  } finally {
    leave.abort();
    expect(await left).toBe(0);
  }
}

test("the emulated Dify tells its apps as JSON, and each key opens its own", async () => {
  await withDify(true, async (words) => {
    const { apiUrl, key, apps } = JSON.parse(words);
    expect(apps.length).toBeGreaterThan(1);
    expect(apps[0].key).toBe(key);
    for (const app of apps) {
      const answer = await fetch(`${apiUrl}/info`, { headers: { authorization: `Bearer ${app.key}` } });
      expect(await answer.json()).toMatchObject({ name: app.name, description: app.does });
    }
  });
});

test("the emulated Dify tells in words what its apps are for", async () => {
  await withDify(false, (words) => {
    expect(words).toMatch(/^app-\S+ +several files +\S/m);
    expect(words).toMatch(/^app-\S+ +question +\S/m);
  });
});
