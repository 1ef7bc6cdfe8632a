import type { Hono } from "hono";
import { z } from "zod";
import type { ReadShares } from "../../handlers/read-shares.ts";
import type { RevokeOutcome, RevokeShare } from "../../handlers/revoke-share.ts";
import { ShareList, ShareStory, SharesQuery } from "../../handlers/share-schemas.ts";
import { sharePage, sharesPage } from "../dashboard/share-pages.ts";
import { type Guards, type MountOperation, tellForm } from "./api/mount-operations.ts";
import { type Answer, operation } from "./api/operation.ts";
import { readQueryTolerantly } from "./api/read-asked.ts";
import { explain } from "./explain.ts";
import { Reason, readReason, WRONG_REASON } from "./read-reason.ts";

export type ShareRouteDeps = { readonly shares: ReadShares; readonly revoke: RevokeShare };

/** Ids of shares and of runs. */
const SHARE_ID = "[A-Za-z0-9_-]{1,64}";
const ShareParams = z.object({
  id: z
    .string()
    .regex(new RegExp(`^${SHARE_ID}$`))
    .describe("Id of the share, or of the run that made it"),
});
const NO_SUCH_SHARE = "There is no such share, and no run of that id with a link.";

const LIST_SHARES = operation({
  id: "listShares",
  method: "get",
  path: "/api/shares",
  tag: "shares",
  role: "viewer",
  summary: "The links people were given, newest first",
  description: "Of runs that have one: a share, a durable link to a file, or a folder in the web app.",
  query: SharesQuery,
  answers: { 200: { description: "A page of links", schema: ShareList } },
});

const READ_SHARE = operation({
  id: "readShare",
  method: "get",
  path: "/api/shares/{id}",
  tag: "shares",
  role: "viewer",
  summary: "One link, and who used it",
  description: "With whom it was made for, when it ends, and the latest accesses.",
  params: ShareParams,
  answers: { 200: { description: "The link", schema: ShareStory } },
  refusals: { 404: NO_SUCH_SHARE },
});

const REVOKE_SHARE = operation({
  id: "revokeShare",
  method: "post",
  path: "/api/shares/{id}/revoke",
  tag: "shares",
  role: "operator",
  summary: "Close a link",
  description:
    "Nobody from outside gets in any more, and invitations are taken back; the files stay, and a replay of the run opens the link again. Safe to repeat; the first reason stands.",
  params: ShareParams,
  body: Reason,
  bodyExample: { reason: "sent to the wrong person" },
  answers: {
    200: {
      description: "It is closed; or its time was over before, and Fast.io has ended it",
      schema: z.union([
        z.object({ share: z.string(), run: z.string(), status: z.literal("closed"), closedAtMs: z.int() }),
        z.object({ share: z.string(), run: z.string(), status: z.literal("expired") }),
      ]),
    },
    202: {
      description: "It is written down, and carried out as soon as it can be",
      schema: z.object({
        share: z.string(),
        run: z.string(),
        status: z.literal("closing"),
        error: z.string().nullable().describe("What stands against it, if that is known"),
      }),
    },
  },
  refusals: { 404: NO_SUCH_SHARE },
});

export const SHARE_OPERATIONS = [LIST_SHARES, READ_SHARE, REVOKE_SHARE];

/** The links people were given. */
export function mountShares(
  app: Hono,
  mount: MountOperation,
  { viewer, operator }: Guards,
  { shares, revoke }: ShareRouteDeps,
): void {
  mount(LIST_SHARES, async ({ query }) => ({ status: 200, body: await shares.list(query) }));
  mount(READ_SHARE, async ({ params: { id } }) => {
    const story = await shares.story(id);
    return story ? { status: 200, body: story } : { status: 404, error: NO_SUCH_SHARE };
  });
  mount(REVOKE_SHARE, async ({ params: { id }, body }, context) =>
    tellRevoke(await revoke(id, { ...body, actor: context.get("who") })),
  );
  app.get("/shares", viewer, async (context) => {
    const query = readQueryTolerantly(SharesQuery, new URL(context.req.url).searchParams);
    return context.html(sharesPage(await shares.list(query), query, context.get("reader")));
  });
  app.get(`/shares/:id{${SHARE_ID}}`, viewer, async (context) => {
    const story = await shares.story(context.req.param("id") ?? "");
    return story ? context.html(sharePage(story, context.get("reader"))) : explain(context, false, 404, NO_SUCH_SHARE);
  });
  app.post(`/shares/:id{${SHARE_ID}}/revoke`, operator, async (context) => {
    const why = await readReason(context, false);
    if (!why) return explain(context, false, 400, WRONG_REASON);
    const outcome = await revoke(context.req.param("id") ?? "", { ...why, actor: context.get("who") });
    return tellForm(context, tellRevoke(outcome), outcome.kind === "unknown_share" ? "/" : `/runs/${outcome.run}`);
  });
}

function tellRevoke(outcome: RevokeOutcome): Answer<typeof REVOKE_SHARE> {
  switch (outcome.kind) {
    case "unknown_share":
      return { status: 404, error: NO_SUCH_SHARE };
    case "revoked": {
      const { share, run, closedAtMs } = outcome;
      return { status: 200, body: { share, run, status: "closed", closedAtMs } };
    }
    case "expired":
      return { status: 200, body: { share: outcome.share, run: outcome.run, status: "expired" } };
    case "asked": {
      const { share, run, error } = outcome;
      return { status: 202, body: { share, run, status: "closing", error } };
    }
    default:
      return outcome satisfies never;
  }
}
