import { renameSync, writeFileSync } from "node:fs";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { openBackend } from "../support/backends.ts";
import { SOON } from "../support/soon.ts";
import { openStory, STORY_TOKEN } from "../support/story.ts";

const fileWith = (folder: string, deliver = ""): string => `rules:
  - name: read-new-files
    when: { workspace: Dify-Outputs, folder: ${folder} }
    run: { inputs: { document: "{{ file }}", title: "{{ file.name }}" } }
    deliver: { folder: /Outputs${deliver} }
`;

test("a running relay takes new rules up, keeps the old ones while the new are wrong, and says so", async () => {
  const backend = await openBackend("pglite", inject("postgresUrl"));
  onTestFinished(backend.drop);
  const story = await openStory(backend.environment, { rules: fileWith("/Inbox") });
  onTestFinished(story.end);
  const relay = await story.start();
  const readiness = async (): Promise<unknown> => (await fetch(`${story.relayUrl}/readyz`)).json();
  const told = (event: string) => vi.waitFor(() => expect(relay.output()).toContain(`"event":"${event}"`), SOON);
  expect(await readiness()).toMatchObject({ ready: true, rules: "ok" });

  // It is written well, but what it names is not set.
  writeFileSync(story.rulesFile, fileWith("/Other", ", password: NOBODY_SET_THIS"));
  await told("rules.refused");
  // The file may be read half written, and refused for that first.
  const why = "NOBODY_SET_THIS: is named by the rule read-new-files and not set";
  await vi.waitFor(() => expect(relay.output()).toContain(why), SOON);
  expect(await readiness()).toMatchObject({ ready: true, rules: "refused" });
  const page = await fetch(`${story.relayUrl}/rules`, { headers: { authorization: `Bearer ${STORY_TOKEN}` } });
  expect(await page.text()).toMatch(/The rules file is wrong since[^<]*<pre>[\s\S]*NOBODY_SET_THIS/);
  await story.fastio.dropFile({ folder: "/Inbox", name: "old.csv", content: "a,b\n1,2\n" });
  await story.untilDelivered(1);

  writeFileSync(`${story.rulesFile}.new`, fileWith("/Other"));
  renameSync(`${story.rulesFile}.new`, story.rulesFile);
  await told("rules.reloaded");
  expect(await readiness()).toMatchObject({ rules: "ok" });
  await story.fastio.dropFile({ folder: "/Other", name: "new.csv", content: "a,b\n1,2\n" });
  await story.untilDelivered(2);

  process.kill(relay.pid, "SIGHUP");
  await told("rules.unchanged");
  expect(await relay.stop()).toBe(0);
});
