import type { Context, Hono } from "hono";
import type { ManageWebhooks, WebhookRefusal } from "../../handlers/manage-webhooks.ts";
import {
  MadeSecretSchema,
  WEBHOOK_PATH,
  WebhookListSchema,
  WebhookParams,
  WebhookWhy,
  WebhookWish,
} from "../../handlers/webhook-schemas.ts";
import { madeSecretPage, webhooksPage } from "../dashboard/webhooks-page.ts";
import { type Guards, type MountOperation, tellForm } from "./api/mount-operations.ts";
import { operation, type Refused } from "./api/operation.ts";
import { explain } from "./explain.ts";
import { readReason, readSmallBody, WRONG_REASON } from "./read-reason.ts";

const REFUSALS = { 502: "Fast.io refuses, or offers no webhooks to this key" } as const;
const GONE = { ...REFUSALS, 404: "There is no such webhook" } as const;
const WRONG_WISH = "A workspace is needed; the address must begin with http:// or https://.";

const LIST_WEBHOOKS = operation({
  id: "listWebhooks",
  method: "get",
  path: "/api/webhooks",
  tag: "webhooks",
  role: "viewer",
  summary: "Webhooks of the workspaces that the rules name",
  description: "As Fast.io tells now. Where it offers none, it says so, and what finds the files instead.",
  answers: {
    200: { description: "The webhooks, and the secrets deliveries may be signed with", schema: WebhookListSchema },
  },
  refusals: { ...REFUSALS, 404: "A workspace that the rules name is not there" },
});

const REGISTER_WEBHOOK = operation({
  id: "registerWebhook",
  method: "post",
  path: "/api/webhooks",
  tag: "webhooks",
  role: "admin",
  summary: "Let Fast.io tell the relay of files",
  description:
    "The secret is told in this answer and nowhere else, unless FASTIO_WEBHOOK_SECRETS_FILE is set: then it is kept there, and taken without a restart.",
  body: WebhookWish,
  bodyExample: { workspace: "Legal", reason: "set-up" },
  answers: { 200: { description: "It is registered", schema: MadeSecretSchema } },
  refusals: { ...REFUSALS, 404: "There is no such workspace", 409: "There is one for this address already" },
});

const ROTATE_WEBHOOK = operation({
  id: "rotateWebhook",
  method: "post",
  path: "/api/webhooks/{workspace}/{id}/rotate",
  tag: "webhooks",
  role: "admin",
  summary: "Make a new secret",
  description: "Keep the old one live until a delivery was seen under the new one. Told or kept as at registration.",
  params: WebhookParams,
  body: WebhookWhy,
  answers: { 200: { description: "The new secret", schema: MadeSecretSchema } },
  refusals: GONE,
});

const TEST_WEBHOOK = operation({
  id: "testWebhook",
  method: "post",
  path: "/api/webhooks/{workspace}/{id}/test",
  tag: "webhooks",
  role: "operator",
  summary: "Let Fast.io send a test event",
  description: "It shows among the deliveries, as ignored.",
  params: WebhookParams,
  body: WebhookWhy,
  answers: { 202: { description: "Fast.io sends it", schema: WebhookParams } },
  refusals: GONE,
});

const DELETE_WEBHOOK = operation({
  id: "deleteWebhook",
  method: "post",
  path: "/api/webhooks/{workspace}/{id}/delete",
  tag: "webhooks",
  role: "admin",
  summary: "Let Fast.io send no more deliveries",
  description: "Safe to repeat. Catch-up goes on finding the files.",
  params: WebhookParams,
  body: WebhookWhy,
  answers: { 200: { description: "It is gone", schema: WebhookParams } },
  refusals: GONE,
});

export const WEBHOOK_OPERATIONS = [LIST_WEBHOOKS, REGISTER_WEBHOOK, ROTATE_WEBHOOK, TEST_WEBHOOK, DELETE_WEBHOOK];

/** What workspaces tell the relay by itself, and what people do about it; as JSON and on a page. */
export function mountWebhookAdmin(app: Hono, mount: MountOperation, guards: Guards, webhooks: ManageWebhooks): void {
  const deedOf = (context: Context, reason: string | undefined) => ({ actor: context.get("who"), reason });

  mount(LIST_WEBHOOKS, async () => {
    const list = await webhooks.list();
    return "kind" in list ? refusalAs(list) : { status: 200, body: list };
  });
  mount(REGISTER_WEBHOOK, async ({ body }, context) => {
    const outcome = await webhooks.register(body, deedOf(context, body.reason));
    if (outcome.kind === "made") return { status: 200, body: outcome.made };
    return { status: outcome.status, error: outcome.message };
  });
  mount(ROTATE_WEBHOOK, async ({ params, body }, context) => {
    const outcome = await webhooks.rotate(params, deedOf(context, body.reason));
    return outcome.kind === "made" ? { status: 200, body: outcome.made } : refusalAs(outcome);
  });
  mount(TEST_WEBHOOK, async ({ params, body }, context) => {
    const outcome = await webhooks.test(params, deedOf(context, body.reason));
    return outcome.kind === "done" ? { status: 202, body: params } : refusalAs(outcome);
  });
  mount(DELETE_WEBHOOK, async ({ params, body }, context) => {
    const outcome = await webhooks.remove(params, deedOf(context, body.reason));
    return outcome.kind === "done" ? { status: 200, body: params } : refusalAs(outcome);
  });

  app.get("/webhooks", guards.viewer, async (context) => {
    const list = await webhooks.list();
    if ("kind" in list) return explain(context, false, list.status, list.message);
    return context.html(webhooksPage(list, context.get("reader")));
  });
  app.post("/webhooks/register", guards.admin, async (context) => {
    const wish = await readSmallBody(context, false, WebhookWish);
    if (!wish) return explain(context, false, 400, WRONG_WISH);
    const outcome = await webhooks.register(wish, deedOf(context, wish.reason));
    if (outcome.kind === "refused") return explain(context, false, outcome.status, outcome.message);
    return context.html(madeSecretPage(outcome.made, "registered", context.get("reader")));
  });
  app.post(`/webhooks/${WEBHOOK_PATH}/rotate`, guards.admin, async (context) => {
    const why = await readReason(context, false);
    if (!why) return explain(context, false, 400, WRONG_REASON);
    const outcome = await webhooks.rotate(WebhookParams.parse(context.req.param()), deedOf(context, why.reason));
    if (outcome.kind === "refused") return explain(context, false, outcome.status, outcome.message);
    return context.html(madeSecretPage(outcome.made, "rotated", context.get("reader")));
  });
  for (const [action, role, backTo] of [
    ["test", "operator", "/deliveries"],
    ["delete", "admin", "/webhooks"],
  ] as const) {
    app.post(`/webhooks/${WEBHOOK_PATH}/${action}`, guards[role], async (context) => {
      const why = await readReason(context, false);
      if (!why) return explain(context, false, 400, WRONG_REASON);
      const act = action === "test" ? webhooks.test : webhooks.remove;
      const outcome = await act(WebhookParams.parse(context.req.param()), deedOf(context, why.reason));
      const answer = outcome.kind === "done" ? { status: 200 as const, body: {} } : refusalAs(outcome);
      return tellForm(context, answer, backTo);
    });
  }
}

/** Nothing that stands in the way of these is a conflict. */
const refusalAs = ({ status, message }: WebhookRefusal): Refused<400 | 404 | 502 | 503> => ({
  status: status === 409 ? 502 : status,
  error: message,
});
