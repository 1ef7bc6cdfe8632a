import { ok, type Route } from "../http/route.ts";
import { ApiRefusal, unauthorized } from "../protocol/faults.ts";
import { readFields } from "../protocol/fields.ts";
import type { User } from "../store/accounts.ts";
import type { World } from "../world.ts";
import { createKey } from "./api-keys.ts";

export const userJson = (user: User): Record<string, unknown> => ({
  id: user.id,
  profile_id: user.id,
  email_address: user.email,
  first_name: user.name.split(" ")[0] ?? "",
  last_name: user.name.split(" ").slice(1).join(" "),
  account_type: user.agent ? "agent" : "human",
});

export const accountRoutes = (world: World): readonly Route[] => [
  { method: "GET", path: "/ping/", dialect: "both", open: true, handle: () => ok() },
  { method: "GET", path: "/system/status/", dialect: "both", open: true, handle: () => ok({ status: "ok" }) },
  {
    method: "GET",
    path: "/user/auth/check/",
    dialect: "reference",
    handle: (call) => ok({ id: call.user().id }),
  },
  {
    method: "GET",
    path: "/user/me/details/",
    dialect: "reference",
    handle: (call) => ok({ id: call.user().id, profile_id: call.user().id, user: userJson(call.user()) }),
  },
  { method: "GET", path: "/user/", dialect: "guide", handle: (call) => ok({ user: userJson(call.user()) }) },
  {
    method: "GET",
    path: "/auth/scopes/",
    dialect: "both",
    handle: (call) => ok({ scopes: world.accounts.grantOf(call.token)?.scopes ?? null, user_id: call.user().id }),
  },
  {
    method: "POST",
    path: "/user/auth/sign-out/",
    dialect: "both",
    handle: (call) => {
      world.accounts.signOut(call.token);
      return ok();
    },
  },
  {
    method: "POST",
    path: "/user/auth/invalidate-all/",
    dialect: "both",
    handle: (call) => {
      const user = call.user();
      world.accounts.signOutEverywhere(user);
      world.oauth.endAll(user, undefined);
      return ok();
    },
  },
  {
    method: "POST",
    path: "/user/auth/key/",
    dialect: "both",
    open: true,
    handle: async (call) => {
      const fields = await call.form();
      // With `key` it is the guide's exchange; without it the reference API makes a new key.
      if (!fields.has("key") || world.knobs.dialects === "reference") {
        const user = world.accounts.userOf(call.token);
        if (!user) throw unauthorized();
        return createKey(world, user, call.token, fields);
      }
      const read = readFields(fields);
      const key = read.required("key");
      read.done();
      const session = world.accounts.exchange(key);
      if (!session) throw new ApiRefusal(401, 10008, "The API key is not valid.");
      return ok({ auth_token: session.token, token: session.token, expires_in: session.expiresIn });
    },
  },
];
