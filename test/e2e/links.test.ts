import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS } from "../../src/emulators/fastio/defaults.ts";
import { openBackend } from "../support/backends.ts";
import { type Outcome, runInProcess } from "../support/cli-context.ts";
import type { RelayProcess } from "../support/relay-process.ts";
import { openStory, STORY_TOKEN, type Story, type ToldRun } from "../support/story.ts";

const ADMIN = "test-admin-token-0123";
const { personKey, personEmail } = FASTIO_EMULATOR_DEFAULTS;

const RULES = `rules:
  - name: clean-data
    when: { workspace: Dify-Outputs, folder: "/Inbox/**" }
    run: { inputs: { document: "{{ file }}", title: "{{ file.name }}" } }
    deliver: { as: drop-off, title: "Clean data of {{ file.name }}", invite: ["${personEmail}"] }
    handoff: true
`;

type Delivered = {
  readonly story: Story;
  readonly relay: RelayProcess;
  readonly run: ToldRun;
  readonly shareId: string;
  readonly relayCommand: (...args: string[]) => Promise<Outcome>;
};

/** One file, delivered to one invited person, by a relay that holds its ledger. */
async function deliverOne(name: string): Promise<Delivered> {
  const backend = await openBackend("pglite", inject("postgresUrl"));
  onTestFinished(backend.drop);
  const tokens = { RELAY_TOKENS: `operator:${STORY_TOKEN},admin:${ADMIN}` };
  const story = await openStory({ ...backend.environment, ...tokens }, { rules: RULES });
  onTestFinished(story.end);
  const relay = await story.start();
  await story.fastio.dropFile({ folder: "/Inbox", name, content: "a,b\n 1 ,2\n 1 ,2\n" });
  const [run] = await story.untilDelivered(1);
  const [share] = story.fastio.books().shares;
  if (!run || !share) throw new Error("nothing was delivered");
  const { hostname, port } = new URL(story.relayUrl);
  const environment = { ...backend.environment, ...tokens, HOST: hostname, PORT: port };
  const relayCommand = (...args: string[]) => runInProcess(args, environment);
  return { story, relay, run, shareId: share.id, relayCommand };
}

/** The invited person signs in and takes the clean file. */
async function takeAsPerson(story: Story, shareId: string): Promise<void> {
  const call = (path: string) =>
    fetch(`${story.fastio.apiUrl}/share/${shareId}/storage/${path}`, {
      headers: { authorization: `Bearer ${personKey}` },
    });
  const listed = (await (await call("root/list/")).json()) as {
    readonly nodes: { readonly items: readonly { readonly id: string; readonly name: string }[] };
  };
  const node = listed.nodes.items.find(({ name }) => name.endsWith(".csv"));
  expect((await call(`${node?.id}/requestread/`)).status).toBe(200);
}

const told = async (story: Story, path: string, init: RequestInit = {}, token = STORY_TOKEN): Promise<Response> =>
  fetch(`${story.relayUrl}${path}`, { ...init, headers: { authorization: `Bearer ${token}` }, redirect: "manual" });

test.each(["webhook", "search"])("who took a file is known by %s, shown, and exported once", async (by) => {
  const { story, run, shareId, relayCommand } = await deliverOne("table.csv");
  if (by === "search") story.fastio.addFault({ times: 0, action: { kind: "webhook_drop" } });
  await takeAsPerson(story, shareId);
  await vi.waitFor(
    async () => {
      const share = (await (await told(story, `/api/shares/${run.id}`)).json()) as {
        readonly accesses: { readonly latest: readonly { readonly did: string }[] };
      };
      const read = expect.objectContaining({
        did: "read",
        what: "cleaned.csv",
        who: expect.stringMatching(/person@|\d/),
      });
      expect(share.accesses.latest).toContainEqual(read);
    },
    { timeout: 60_000, interval: 500 },
  );
  expect(await (await told(story, `/runs/${run.id}`)).text()).toMatch(/>read<\/td><td[^>]*>cleaned\.csv<\/td>/);

  const folder = mkdtempSync(join(tmpdir(), "relay-audit-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "audit.csv");
  const exported = await relayCommand("audit", "export", "--since", "1d", "--run", run.id, "--output", file);
  expect(exported).toMatchObject({ code: 0, stderr: "" });
  const [header, ...lines] = readFileSync(file, "utf8").trimEnd().split("\r\n");
  expect(header).toContain('"at","kind","did","who"');
  expect(lines.filter((line) => line.includes('"read"') && line.includes('"cleaned.csv"'))).toHaveLength(1);
  expect(lines.every((line) => line.includes(`"${run.id}"`) && line.includes(`"${shareId}"`))).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("a link is closed from the command line, and what was done by hand is exported", async () => {
  const { story, run, shareId, relayCommand } = await deliverOne("table.csv");
  expect((await relayCommand("shares", "list")).stdout).toContain("open, without an end");
  expect((await fetch(run.share ?? "")).status).toBe(200);

  const revoked = await relayCommand("shares", "revoke", run.id, "--reason", "sent to the wrong person");
  expect(revoked).toMatchObject({ code: 0, stdout: expect.stringContaining("is closed") });
  expect((await fetch(run.share ?? "")).status).toBe(403);
  expect(await relayCommand("shares", "revoke", shareId)).toMatchObject({
    code: 0,
    stdout: revoked.stdout.replace(run.id, shareId),
  });
  expect((await relayCommand("shares", "list")).stdout).toBe("No links.\n");
  const shown = await relayCommand("shares", "show", shareId);
  expect(shown.stdout).toMatch(/link +closed at .*asked by operator .+ on the command line: sent to the wrong person/);
  expect(await (await told(story, `/runs/${run.id}`)).text()).toContain("sent to the wrong person");

  const actions = await relayCommand("audit", "export", "--what", "operators", "--share", shareId, "--format", "json");
  const did = actions.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  expect(did).toMatchObject([
    { who: expect.stringMatching(/^operator .+ on the command line$/), did: "share.revoke", target: shareId },
    { who: "relay", did: "share.close", target: shareId },
  ]);
});

test("an organisation is handed over by a link that is told to an admin once and kept nowhere", async () => {
  const { story, relay, run, relayCommand } = await deliverOne("table.csv");
  const path = `/api/runs/${run.id}/claim-link`;
  const ask = (query = "", token = ADMIN) => told(story, path + query, { method: "POST" }, token);
  expect(await (await told(story, `/runs/${run.id}`)).text()).toContain("Ready to hand over");
  expect((await ask("", STORY_TOKEN)).status).toBe(403);

  // Two at once make one.
  const answers = await Promise.all([ask(), ask()]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  const made = answers.find(({ ok }) => ok);
  if (!made) throw new Error("no link was made");
  expect(made.headers.get("cache-control")).toBe("no-store");
  const first = ((await made.json()) as { readonly claimUrl: string }).claimUrl;
  expect(first).toMatch(/\/claim\?token=\w{64}$/);

  const again = await relayCommand("transfer", "claim-link", run.id);
  expect(again).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("offered already") });
  const replaced = await relayCommand(
    "transfer",
    "claim-link",
    run.id,
    "--replace",
    "--reason",
    "the first went astray",
  );
  expect(replaced.code).toBe(0);
  const second = replaced.stdout.split("\n")[0] ?? "";
  expect(second).not.toBe(first);

  const claim = (link: string) =>
    fetch(`${story.fastio.apiUrl}/org/transfer/claim/`, {
      method: "POST",
      headers: { authorization: `Bearer ${personKey}` },
      body: new URLSearchParams({ token: new URL(link).searchParams.get("token") ?? "" }),
    });
  expect((await claim(first)).status).toBe(404);
  expect((await claim(second)).status).toBe(200);

  const everything = [
    relay.output(),
    await (await told(story, `/api/runs/${run.id}`)).text(),
    await (await told(story, `/runs/${run.id}`)).text(),
    await (await told(story, "/api/audit?what=operators&format=json")).text(),
  ].join("\n");
  expect(everything).toContain("handoff.offer");
  expect(everything).toContain("the first went astray");
  for (const link of [first, second]) expect(everything).not.toContain(new URL(link).searchParams.get("token"));
});
