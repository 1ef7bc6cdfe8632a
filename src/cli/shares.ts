import { randomUUID } from "node:crypto";
import { createReadShares } from "../../handlers/read-shares.ts";
import { revokeShare as createRevoke } from "../../handlers/revoke-share.ts";
import { type ShareList, type ShareStory, SharesQuery } from "../../handlers/share-schemas.ts";
import { closeOne } from "../../queues/upkeep/close-links.ts";
import { systemClock } from "../clock.ts";
import { parseConfig } from "../config.ts";
import { linkWords } from "../dashboard/link-panel.ts";
import { silentLog } from "../telemetry/log.ts";
import { timeOf } from "../text/figures.ts";
import { filesWords } from "../text/files-words.ts";
import { plain } from "../text/unseen.ts";
import { openUpstreams } from "../upstreams.ts";
import { findInRelay, inLedgerOrRelay, readRelay } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { printAccesses } from "./print-accesses.ts";
import { formatTable } from "./print-table.ts";
import { readPages } from "./read-pages.ts";
import { sayNone } from "./say-none.ts";
import { whoAmI } from "./who-am-i.ts";

const clock = systemClock;
/** How long to wait for word that a link is closed, where the relay closes it. */
const WAIT_MS = 10_000;

export type ListSharesOptions = {
  readonly rule?: string;
  readonly state: "open" | "ended" | "all";
  readonly limit: number;
  readonly json: boolean;
};

/** The links people were given, newest first. */
export async function listShares(
  context: CliContext,
  { rule, state, limit, json }: ListSharesOptions,
): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const query = { state, ...(rule === undefined ? {} : { rule }) };
  const readAll = (read: (wanted: Readonly<Record<string, string>>) => Promise<ShareList | undefined>) =>
    readPages(
      async (wanted) => {
        const page = await read(wanted);
        return page && { items: page.shares, next: page.next };
      },
      query,
      limit,
    );
  const shares = await inLedgerOrRelay(
    config,
    (db) => readAll((wanted) => createReadShares({ db, clock }).list(SharesQuery.parse(wanted))),
    () => readAll((wanted) => readRelay<ShareList>(context, config, `/api/shares?${new URLSearchParams(wanted)}`)),
  );
  if (!shares) return 1;
  if (json) for (const share of shares) context.print(JSON.stringify(share));
  else if (shares.length === 0) context.print("No links.");
  else {
    context.print(
      formatTable(
        context,
        ["SHARE", "RUN", "RULE", "FILE", "LINK", "ADDRESS"],
        shares.map((one) => [
          plain(one.share),
          one.run,
          one.rule,
          plain(filesWords(one)),
          plain(linkWords(one)),
          plain(one.url ?? ""),
        ]),
      ),
    );
  }
  return 0;
}

/** One link with who opened it. */
export async function showShare(
  context: CliContext,
  id: string,
  { json }: { readonly json: boolean },
): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const story = await inLedgerOrRelay(
    config,
    async (db) => (await createReadShares({ db, clock }).story(id)) ?? null,
    () => findInRelay<ShareStory>(context, config, { path: `/api/shares/${encodeURIComponent(id)}`, role: "viewer" }),
  );
  if (story === null) sayNone(context, "share", id);
  if (!story) return 1;
  if (json) {
    context.print(JSON.stringify(story));
    return 0;
  }
  const facts = [
    ["share", story.share],
    ["run", story.run],
    ["rule", story.rule],
    ["file", filesWords(story)],
    ["address", story.url ?? "–"],
    ["made", timeOf(story.madeAtMs)],
    ["link", linkWords(story)],
    ["invited", story.invited.join(", ") || "nobody"],
  ] as const;
  for (const [name, value] of facts) context.print(`${name.padEnd(10)} ${plain(value)}`);
  context.print("");
  printAccesses(context, story.accesses);
  return 0;
}

type Revoked = { readonly status: string; readonly words: string };

/** Closes a link, and says whether it is closed. */
export async function revokeShare(
  context: CliContext,
  id: string,
  options: { readonly reason?: string; readonly json: boolean },
): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const why = options.reason === undefined ? {} : { reason: options.reason };
  const told = await inLedgerOrRelay<Revoked | null | undefined>(
    config,
    async (db) => {
      const upstreams = openUpstreams(config, { clock, random: Math.random, log: silentLog });
      try {
        const deps = { db, clock, newId: randomUUID, log: silentLog, fastio: upstreams.fastio };
        const closeNow = (run: string) => closeOne(deps, run, context.signal);
        const outcome = await createRevoke({ db, clock, closeNow, waitMs: WAIT_MS })(id, { actor: whoAmI(), ...why });
        if (outcome.kind === "revoked") return { status: "closed", words: CLOSED };
        if (outcome.kind === "expired") return { status: "expired", words: EXPIRED };
        if (outcome.kind === "asked") return { status: "closing", words: closingWords(outcome.error) };
        return null;
      } finally {
        await upstreams.close();
      }
    },
    async () => {
      const path = `/api/shares/${encodeURIComponent(id)}/revoke`;
      const answer = await findInRelay<{ readonly status: string; readonly error?: string | null }>(context, config, {
        path,
        body: why,
      });
      if (!answer) return answer;
      const words =
        answer.status === "closed"
          ? CLOSED
          : answer.status === "expired"
            ? EXPIRED
            : closingWords(answer.error ?? null);
      return { status: answer.status, words };
    },
  );
  if (told === null) sayNone(context, "share", id);
  if (!told) return 1;
  if (options.json) context.print(JSON.stringify({ share: id, status: told.status, note: told.words }));
  else context.print(`${plain(id)}  ${plain(told.words)}`);
  return 0;
}

const CLOSED = "the link is closed; the files stay, and a replay of the run opens it again";
const EXPIRED = "its time was over before, and Fast.io has ended it";
const closingWords = (error: string | null): string =>
  `the wish is written down, and a running relay closes the link as soon as it can${error === null ? "" : `: ${error}`}`;
