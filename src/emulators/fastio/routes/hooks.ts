import type { Call } from "../http/call.ts";
import { type Answer, ok, type Route } from "../http/route.ts";
import { invalidField, notFound } from "../protocol/faults.ts";
import type { Fields } from "../protocol/fields.ts";
import { formatTime } from "../protocol/times.ts";
import { type Hook, isFamily } from "../store/hooks.ts";
import type { World } from "../world.ts";
import { checkSubscription, readHookFields } from "./hook-fields.ts";
import { placeOf } from "./place.ts";

/** A webhook without its secret. */
const hookJson = (hook: Hook): Record<string, unknown> => ({
  id: hook.id,
  workspace_id: hook.workspaceId,
  url: hook.url,
  target_url: hook.url,
  events: hook.events.length === 0 ? ["*"] : hook.events,
  enabled: hook.enabled,
  scheme: hook.scheme,
  shape: hook.shape,
  description: hook.description ?? null,
  rate_limit_per_hour: hook.rateLimitPerHour,
  family_allowlist: hook.familyAllowlist,
  created: formatTime(hook.createdMs),
});

/** Both webhook surfaces: the guide's, as far as anybody described it, and the former workflow subscriptions. */
export function hookRoutes(world: World): readonly Route[] {
  const { hooks } = world;

  const needFamily = (url: string, allowlist: readonly string[]): void => {
    if (!isFamily(url, allowlist)) throw invalidField("target_url", "The host is in none of the allowed families.");
  };
  const make = (call: Call, fields: Fields): Hook => {
    const workspace = world.places.workspace(call.param("ws"));
    const wish = readHookFields(fields, true, world.hookHosts);
    const scheme = wish.scheme ?? world.knobs.webhookScheme;
    needFamily(wish.url ?? "", wish.familyAllowlist ?? []);
    return hooks.create({
      workspaceId: workspace.id,
      creator: call.user().id,
      url: wish.url ?? "",
      events: wish.events ?? [],
      enabled: wish.enabled ?? true,
      secret: wish.secret,
      scheme,
      shape: wish.shape ?? world.knobs.webhookShape,
      keyForm: wish.keyForm ?? (scheme === "standard" ? "decoded" : "literal"),
      description: wish.description,
      rateLimitPerHour: wish.rateLimitPerHour ?? 0,
      familyAllowlist: wish.familyAllowlist ?? [],
    });
  };
  const inWorkspace = (call: Call): Hook => {
    const workspace = world.places.workspace(call.param("ws"));
    const hook = hooks.get(call.param("hook"));
    if (hook.workspaceId !== workspace.id) throw notFound("webhook");
    return hook;
  };
  const anywhere = (call: Call): Hook => {
    const hook = hooks.get(call.param("hook"));
    placeOf(world, "workspace", hook.workspaceId, call);
    return hook;
  };
  const change = async (call: Call, hook: Hook): Promise<void> => {
    const wish = readHookFields(await call.anyForm(), false, world.hookHosts);
    if (wish.url !== undefined) needFamily(wish.url, wish.familyAllowlist ?? hook.familyAllowlist);
    Object.assign(hook, wish);
  };
  const secretOnce = (hook: Hook) => ({ ...hookJson(hook), secret: hook.secret });
  const test = (call: Call): Answer => {
    const hook = inWorkspace(call);
    const { orgId, id } = world.places.workspace(hook.workspaceId);
    const record = world.deliverer.sendTo(hook, {
      seq: 0,
      id: world.ids.opaque("a"),
      event: "webhook.test",
      category: "apps",
      subCategory: "settings",
      createdMs: world.time.now(),
      objectId: hook.id,
      userId: call.user().id,
      orgId,
      workspaceId: id,
      subject: {},
      acknowledged: false,
    });
    return ok({ delivery_id: record.id });
  };

  const guide = "/workspace/:ws/webhook";
  const flow = "/workspace/:ws/outbound_webhook_subscriptions/";
  const one = "/outbound_webhook_subscriptions/:hook";
  const rows: readonly (readonly [method: string, path: string, handle: Route["handle"]])[] = [
    ["POST", `${guide}/create/`, async (call) => ok({ webhook: secretOnce(make(call, await call.anyForm())) })],
    [
      "GET",
      `${guide}/list/`,
      (call) => ok({ webhooks: hooks.list(world.places.workspace(call.param("ws")).id).map(hookJson) }),
    ],
    ["GET", `${guide}/:hook/details/`, (call) => ok({ webhook: hookJson(inWorkspace(call)) })],
    [
      "POST",
      `${guide}/:hook/update/`,
      async (call) => {
        await change(call, inWorkspace(call));
        return ok({ webhook: hookJson(inWorkspace(call)) });
      },
    ],
    [
      "DELETE",
      `${guide}/:hook/delete/`,
      (call) => {
        hooks.remove(inWorkspace(call));
        return ok();
      },
    ],
    ["POST", `${guide}/:hook/test/`, test],
    [
      "POST",
      `${guide}/:hook/rotate_secret/`,
      (call) => {
        hooks.rotate(inWorkspace(call));
        return ok({ webhook: secretOnce(inWorkspace(call)) });
      },
    ],
    [
      "POST",
      flow,
      async (call) => {
        const fields = await call.form();
        checkSubscription(fields);
        return ok({ outbound_webhook_subscription: secretOnce(make(call, fields)) });
      },
    ],
    [
      "GET",
      flow,
      (call) =>
        ok({
          outbound_webhook_subscriptions: hooks.list(world.places.workspace(call.param("ws")).id).map(hookJson),
        }),
    ],
    ["GET", `${one}/`, (call) => ok({ outbound_webhook_subscription: hookJson(anywhere(call)) })],
    [
      "PATCH",
      `${one}/`,
      async (call) => {
        await change(call, anywhere(call));
        return ok({ outbound_webhook_subscription: hookJson(anywhere(call)) });
      },
    ],
    [
      "DELETE",
      `${one}/`,
      (call) => {
        hooks.remove(anywhere(call));
        return ok();
      },
    ],
    [
      "POST",
      `${one}/rotate_secret/`,
      (call) => {
        hooks.rotate(anywhere(call));
        return ok({ outbound_webhook_subscription: secretOnce(anywhere(call)) });
      },
    ],
  ];
  // Neither surface belongs to the reference of today, and no other one exists: both dialects have them.
  return rows.map(([method, path, handle]) => ({ method, path, dialect: "both", handle }));
}
